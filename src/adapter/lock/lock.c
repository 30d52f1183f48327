#include "adapter/lock/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

#define ATTEMPT_MS 10

/* 0: none is in it. */
static pid_t read_holder(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Its parent has not asked yet how it ended: PID (NAME) STATE, and any sign may be in the name. */
static bool has_ended(pid_t pid)
{
	char text[128] = "";
	CLEANUP(freep) char *path = str_printf("/proc/%ld/stat", (long)pid);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		return false;
	const char *name_end = strrchr(text, ')');
	return name_end != NULL &&
	       (name_end[1] == ' ' && (name_end[2] == 'Z' || name_end[2] == 'X'));
}

/* Or this process was it, in a life before (exec): only children of that life have it still. */
static bool is_gone(pid_t pid)
{
	return pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH) || has_ended(pid);
}

/* On a full disk it says no pid; it is held all the same, and then nobody waits for it. */
static void write_holder(int fd)
{
	char text[32];
	int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)size, 0);
}

int lock_hold(int fd, const char *dir, const char *somebody, struct error **err)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += ATTEMPT_MS) {
		if (errno != EWOULDBLOCK)
			return error_errno(err, "cannot lock %s", dir);
		pid_t holder = read_holder(fd);
		if (holder == 0)
			return error_set(err, ERR_CONFLICT, "%s is in use by %s: stop it first",
					 dir, somebody);
		if (waited >= LOCK_WAIT_MS || !is_gone(holder))
			return error_set(err, ERR_CONFLICT,
					 "%s is in use by %s (pid %ld): stop it first", dir,
					 somebody, (long)holder);
		(void)poll(NULL, 0, ATTEMPT_MS);
	}
	write_holder(fd);
	return 0;
}
