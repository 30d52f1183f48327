/*
 * For tests: a disk that does not get done with writing. Loaded in front of libc (LD_PRELOAD), fsync() and fdatasync() of a
 * program wait as long as the file $STUCK_DISK exists, and add a byte to $STUCK_DISK.asked first, so that a test knows.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 10 };

static void wait_for_disk(void)
{
	const char *mark = getenv("STUCK_DISK");
	char asked[4096];

	if (mark == NULL || access(mark, F_OK) < 0 ||
	    snprintf(asked, sizeof(asked), "%s.asked", mark) >= (int)sizeof(asked))
		return;
	int fd = open(asked, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (write(fd, "x", 1) < 0)
			perror(asked);
		(void)close(fd);
	}
	while (access(mark, F_OK) == 0)
		(void)poll(NULL, 0, LOOK_MS);
}

static int pass_on(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	wait_for_disk();
	return real(fd);
}

int fsync(int fd)
{
	return pass_on("fsync", fd);
}

int fdatasync(int fd)
{
	return pass_on("fdatasync", fd);
}
