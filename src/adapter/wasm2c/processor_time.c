#include "adapter/wasm2c/processor_time.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* 0 where the process is of another group, or has gone. */
static uint64_t time_of(pid_t pid, pid_t group)
{
	char path[40], text[1024];
	uint64_t user, system, waited_user, waited_system;
	int found;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* "PID (NAME) STATE PARENT GROUP …", where the name may hold anything. */
	const char *rest = strrchr(text, ')');
	if (rest == NULL ||
	    sscanf(rest + 1,
		   " %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &found, &user, &system, &waited_user, &waited_system) != 5 ||
	    found != (int)group)
		return 0;
	return user + system + waited_user + waited_system;
}

uint64_t processor_time_of_group(pid_t group)
{
	DIR *dir = opendir("/proc");
	uint64_t sum = 0;

	if (dir == NULL)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0)
			sum += time_of(pid, group);
	}
	(void)closedir(dir);
	return sum;
}
