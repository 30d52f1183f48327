/*
 * For tests: a program that is killed right after it has put a file in its place. Loaded in front of libc (LD_PRELOAD), renameat()
 * to the name of the file $KILLED_AFTER_RENAME kills the program (SIGKILL), once for each time that file is made.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	int (*real)(int, const char *, int, const char *) =
		(int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");
	int result = real(from_fd, from, to_fd, to);
	const char *mark = getenv("KILLED_AFTER_RENAME");
	const char *name = mark != NULL ? strrchr(mark, '/') : NULL;

	if (result == 0 && name != NULL && strcmp(name + 1, to) == 0 && unlink(mark) == 0)
		(void)raise(SIGKILL);
	return result;
}
