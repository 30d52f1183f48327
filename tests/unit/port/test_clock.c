/*
 * The clock of leases counts the time in which the machine slept, in daemons and in zrun. Machines do not sleep for a test:
 * in a time namespace of its own a process sees the boot-time clock far ahead of the monotonic one, as after a sleep.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/uv/loop.h"
#include "zrun/runner/clocks.h"

#define SLEPT_S	       "100000"
#define SLEPT_MS       INT64_C(100000000)
#define CANNOT	       77
#define DAEMONS_DO_NOT 1
#define ZRUN_DOES_NOT  2

static int look(void)
{
	int64_t monotonic = (int64_t)mono_ms();
	if (clock_now().mono_ms < monotonic + SLEPT_MS / 2)
		return DAEMONS_DO_NOT;
	if ((int64_t)boot_ms() < monotonic + SLEPT_MS / 2)
		return ZRUN_DOES_NOT;
	return 0;
}

/* Its children have slept. */
static int sleep_and_look(void)
{
	static const char offset[] = "boottime " SLEPT_S " 0\n";
	int status = 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return CANNOT;
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, offset, strlen(offset)) != (ssize_t)strlen(offset))
		return CANNOT;
	(void)close(fd);
	pid_t child = fork();
	if (child == 0)
		_exit(look());
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return CANNOT;
	return WEXITSTATUS(status);
}

static void a_sleep_counts(void **state)
{
	int status = 0;
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(sleep_and_look());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		skip(); /* no time namespaces, or not for this user */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
