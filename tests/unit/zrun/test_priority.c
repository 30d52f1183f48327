/* zrun/runner/priority.c: shares of the processors by nice values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
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

/* In a session of its own the kernel weighs the session, not the process. */
static void a_session_of_its_own_has_the_share_too(void **state)
{
	char text[80] = "";
	int pipes[2], status = 0;
	FILE *file;
	pid_t pid;

	(void)state;
	file = fopen("/proc/self/autogroup", "re");
	if (file == NULL) {
		print_message("skipped: this kernel has no autogroups\n");
		skip();
	}
	(void)fclose(file);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		priority_set(50);
		priority_set_session();
		file = fopen("/proc/self/autogroup", "re");
		if (file == NULL || fgets(text, sizeof(text), file) == NULL)
			_exit(1);
		_exit(write(pipes[1], text, strlen(text)) > 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, " nice 13\n"));
	close(pipes[0]);
	close(pipes[1]);
}

static uint64_t clock_of(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* On a loaded machine it uses even less. */
static void a_limited_process_pauses(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		uint64_t from = clock_of(CLOCK_MONOTONIC), used;

		priority_limit(100);
		while (clock_of(CLOCK_MONOTONIC) < from + 1500)
			continue;
		used = clock_of(CLOCK_PROCESS_CPUTIME_ID);
		_exit(used * 1000 / (clock_of(CLOCK_MONOTONIC) - from) < 250 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static volatile sig_atomic_t alarms;
static uint64_t alarm_work_ms; /* what the handler computes */

static void on_alarm(int number)
{
	uint64_t from = clock_of(CLOCK_PROCESS_CPUTIME_ID);

	(void)number;
	while (clock_of(CLOCK_PROCESS_CPUTIME_ID) < from + alarm_work_ms)
		continue;
	if (++alarms == 200)
		_exit(2); /* the process does not get on */
}

/* Computes with that limit until there have been 20 alarms, one each tenth of a second. */
static void compute_through_alarms(uint32_t limit, uint64_t work_ms)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sigaction alarm_action = {.sa_handler = on_alarm};
		struct itimerval timer = {.it_value = {.tv_usec = 100000},
					  .it_interval = {.tv_usec = 100000}};

		alarm_work_ms = work_ms;
		(void)sigaction(SIGALRM, &alarm_action, NULL);
		priority_limit(limit);
		(void)setitimer(ITIMER_REAL, &timer, NULL);
		while (alarms < 20)
			continue;
		_exit(clock_of(CLOCK_PROCESS_CPUTIME_ID) < 1000 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Deadlines are watched by SIGALRM. */
static void another_signal_is_handled_during_a_pause(void **state)
{
	(void)state;
	compute_through_alarms(2, 0); /* pauses of five seconds */
}

/* What their handlers use in a pause, by ticks or really, is no reason for a further one. */
static void a_pause_that_other_signals_interrupt_ends(void **state)
{
	(void)state;
	compute_through_alarms(10, 5); /* pauses of a second */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_the_nearest_weight_and_never_more_than_zhosts),
		cmocka_unit_test(a_larger_share_is_never_nicer),
		cmocka_unit_test(it_is_set_for_the_process),
		cmocka_unit_test(a_session_of_its_own_has_the_share_too),
		cmocka_unit_test(a_limited_process_pauses),
		cmocka_unit_test(another_signal_is_handled_during_a_pause),
		cmocka_unit_test(a_pause_that_other_signals_interrupt_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
