/*
 * For tests: a disk that does not get done with writing. Loaded in front of libc (LD_PRELOAD), fsync() and fdatasync() of a
 * program wait as long as the file $STUCK_DISK exists, and add a byte to $STUCK_DISK.asked first, so that a test knows. With
 * $STUCK_BELOW only those of files below that directory, as if it had a disk of its own.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 10 };

static int is_there(int fd)
{
	const char *below = getenv("STUCK_BELOW");
	char link[64], path[4096];

	if (below == NULL)
		return 1;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, sizeof(path));
	return size > (ssize_t)strlen(below) && memcmp(path, below, strlen(below)) == 0;
}

static void wait_for_disk(int fd)
{
	const char *mark = getenv("STUCK_DISK");
	char asked[4096];

	if (mark == NULL || !is_there(fd) || access(mark, F_OK) < 0 ||
	    snprintf(asked, sizeof(asked), "%s.asked", mark) >= (int)sizeof(asked))
		return;
	int out = open(asked, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out >= 0) {
		if (write(out, "x", 1) < 0)
			perror(asked);
		(void)close(out);
	}
	while (access(mark, F_OK) == 0)
		(void)poll(NULL, 0, LOOK_MS);
}

static int pass_on(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	wait_for_disk(fd);
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
