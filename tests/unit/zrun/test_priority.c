/* zrun/runner/priority.c: shares of the processors by nice values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/runner/priority.h"

static void the_share_is_the_nearest_weight_and_never_more_than_zhosts(void **state)
{
	(void)state;
	assert_int_equal(priority_nice(0), 0);
	assert_int_equal(priority_nice(8000), 0);
	assert_int_equal(priority_nice(1000), 0);
	assert_int_equal(priority_nice(500), 3);
	assert_int_equal(priority_nice(100), 10);
	assert_int_equal(priority_nice(50), 13);
	assert_int_equal(priority_nice(1), 19);
}

static void a_larger_share_is_never_nicer(void **state)
{
	int before = 19;

	(void)state;
	for (uint32_t cpu = 1; cpu <= 2000; cpu++) {
		int nice = priority_nice(cpu);

		assert_in_range(nice, 0, before);
		before = nice;
	}
}

static void it_is_set_for_the_process(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		priority_set(15);
		_exit(getpriority(PRIO_PROCESS, 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_the_nearest_weight_and_never_more_than_zhosts),
		cmocka_unit_test(a_larger_share_is_never_nicer),
		cmocka_unit_test(it_is_set_for_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
