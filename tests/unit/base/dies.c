#include "dies.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void expect_abort(void (*act)(void), const char *expected)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		act();
		_exit(0);
	}
	close(ends[1]);
	char text[1024] = "";
	size_t size = 0;
	for (ssize_t n; (n = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0;)
		size += (size_t)n;
	close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("did not abort: %s", expected);
	if (strstr(text, expected) == NULL)
		fail_msg("expected '%s' in '%s'", expected, text);
}
