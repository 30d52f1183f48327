#include "zhost/process/process_usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_file(int proc_fd, int64_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%lld/%s", (long long)pid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return 0;
}

/* User and system time of all threads, in clock ticks: fields 14 and 15 of stat. */
static uint64_t cpu_ticks(int proc_fd, int64_t pid)
{
	char text[1024];
	const char *at;
	unsigned long long user, system;

	if (read_file(proc_fd, pid, "stat", text, sizeof(text)) < 0)
		return 0;
	at = strrchr(text, ')'); /* the name may hold anything */
	if (at == NULL ||
	    sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		   &system) != 2)
		return 0;
	return user + system;
}

/* Private pages: resident less shared. */
static uint64_t own_pages(int proc_fd, int64_t pid)
{
	char text[256];
	unsigned long long resident, shared;

	if (read_file(proc_fd, pid, "statm", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return resident - shared;
}

void process_usage_add(struct usage_sum *sum, int64_t pid)
{
	sum->cpu_ticks += cpu_ticks(sum->proc_fd, pid);
	sum->memory_pages += own_pages(sum->proc_fd, pid);
}
