/* What zsim says of a core that hangs, stops at an assertion or crashes, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/cli/cli.h"
#include "zsim/watchdog.h"

#define HANGS_SECONDS 1
/* Of processor time: a watchdog that sleeps. */
#define ENDS_SECONDS (5 * HANGS_SECONDS)

static void hang(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

/* The first one is in time. */
static void hang_later(void)
{
	watchdog_watch("seed 8");
	hang();
}

static void crash(void)
{
	(void)raise(SIGSEGV);
}

static void live(void (*does)(void))
{
	const struct rlimit limit = {.rlim_cur = ENDS_SECONDS, .rlim_max = ENDS_SECONDS};
	(void)setrlimit(RLIMIT_CPU, &limit);
	watchdog_start(HANGS_SECONDS);
	watchdog_watch("seed 7");
	does();
	_exit(CLI_DONE);
}

/* What a process that does that prints, and how it ends. */
static void expect(void (*does)(void), const char *said)
{
	int ends[2], status = 0;
	char text[256] = "";
	size_t size = 0;
	ssize_t n;
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		live(does);
	}
	(void)close(ends[1]);
	while ((n = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(text, said);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CLI_FAILED);
}

static void test_a_call_that_does_not_come_back(void **state)
{
	(void)state;
	expect(hang, "FAIL seed 7: the core does not return from a call\n");
	expect(hang_later, "FAIL seed 8: the core does not return from a call\n");
}

static void test_an_assertion(void **state)
{
	(void)state;
	expect(abort, "FAIL seed 7: an assertion of the core failed\n");
}

static void test_a_crash(void **state)
{
	(void)state;
	expect(crash, "FAIL seed 7: it crashes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_that_does_not_come_back),
		cmocka_unit_test(test_an_assertion),
		cmocka_unit_test(test_a_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
