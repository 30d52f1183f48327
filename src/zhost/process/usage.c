#include "zhost/process/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "zhost/process/zrun_process.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/space/resident.h"

#define EVERY_MS 5000

struct usage {
	struct zhost *zhost;
	struct loop_timer *timer;
	int proc_fd;
	uint64_t last_ticks;
	int64_t last_ms;
};

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

/* Pages of its own: resident less shared. */
static uint64_t own_pages(int proc_fd, int64_t pid)
{
	char text[256];
	unsigned long long resident, shared;

	if (read_file(proc_fd, pid, "statm", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return resident - shared;
}

static void on_timer(void *user)
{
	struct usage *u = user;
	struct zhost *z = u->zhost;
	Samoza__V1__Usage *m = mem_new(Samoza__V1__Usage);
	uint64_t ticks = 0, pages = 0;
	int64_t now = loop_now(&u->zhost->loop).mono_ms;
	struct statvfs disk;

	for (struct resident *r = z->residents; r != NULL; r = r->hh.next) {
		int64_t pid = r->process != NULL ? process_pid(r->process) : -1;

		if (pid < 0)
			continue;
		ticks += cpu_ticks(u->proc_fd, pid);
		pages += own_pages(u->proc_fd, pid);
	}
	samoza__v1__usage__init(m);
	m->has_cpu_millicores = m->has_memory_bytes = true;
	/* Processes that ended took their time with them: then the sum shrinks. */
	if (ticks > u->last_ticks && now > u->last_ms)
		m->cpu_millicores = (ticks - u->last_ticks) * 1000 * 1000 /
				    (uint64_t)sysconf(_SC_CLK_TCK) /
				    (uint64_t)(now - u->last_ms);
	m->memory_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	if (fstatvfs(z->state_dir.dir_fd, &disk) == 0) {
		m->has_disk_bytes = true;
		m->disk_bytes = (uint64_t)(disk.f_blocks - disk.f_bfree) * disk.f_frsize;
	}
	u->last_ticks = ticks;
	u->last_ms = now;
	reconcile_message(z->reconcile, AGENT_USAGE, &m->base);
	loop_timer_at(u->timer, now + EVERY_MS);
}

struct usage *usage_new(struct zhost *z)
{
	struct usage *u = mem_new(struct usage);

	u->zhost = z;
	u->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	u->last_ms = loop_now(&u->zhost->loop).mono_ms;
	u->timer = loop_timer_new(&z->loop, on_timer, u);
	loop_timer_at(u->timer, u->last_ms + 1000);
	return u;
}

void usage_free(struct usage *u)
{
	if (u == NULL)
		return;
	loop_timer_free(u->timer);
	closep(&u->proc_fd);
	free(u);
}
