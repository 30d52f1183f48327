/* Failures: retries, back-off, and the end of attempts. */
#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

static void a_failed_deploy_is_retried_with_back_off(void **state)
{
	struct fixture *f = *state;
	f->records_shown = true;
	ask(f, "a@1 g1 deployed");
	ignore(f);
	fails(f, 1, "no such artifact");
	expect(f, "record T/a#1 absent\n"
		  "report a@1 g1 absent failures=1 retry=1000 \"deploy: no such artifact\"\n");
	assert_true(agent_is_busy(f->agent, NULL));
	wait_ms(f, 999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "record T/a#1 deploying\n"
		  "do 2 deploy a@1\n"
		  "report a@1 g1 deploying failures=1\n");
	succeed(f, 2);
	expect(f, "record T/a#1 deployed\n"
		  "report a@1 g1 deployed failures=1\n");
	assert_false(agent_is_busy(f->agent, NULL));
}

static void a_new_retry_generation_restarts_exhausted_attempts(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started attempts=2");
	succeed(f, 1);
	ignore(f);
	fails(f, 2, "exit status 3");
	expect(f, "report a@1 g1 deployed failures=1 retry=1000 \"start: exit status 3\"\n");
	wait_ms(f, 1000);
	expect(f, "do 3 start a@1\n"
		  "report a@1 g1 starting failures=1 restarts=1\n");
	fails(f, 3, "exit status 3");
	ignore(f);
	wait_ms(f, 1999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 4 start a@1\n"
		  "report a@1 g1 starting failures=2 restarts=2\n");
	fails(f, 4, "exit status 3");
	expect(f, "report a@1 g1 deployed failures=3 restarts=2 exhausted "
		  "\"start: exit status 3\"\n");
	assert_false(agent_is_busy(f->agent, NULL));
	wait_ms(f, 5000);
	expect(f, "");
	ask(f, "a@1 g2 started");
	expect(f, "report a@1 g2 deployed failures=3 restarts=2 exhausted "
		  "\"start: exit status 3\"\n");
	ask(f, "a@1 g3 started r1");
	expect(f, "do 5 start a@1\n"
		  "report a@1 g3 starting restarts=3\n");
	succeed(f, 5);
	expect(f, "report a@1 g3 started restarts=3\n");
}

static void without_attempts_there_is_no_retry(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started attempts=0");
	succeed(f, 1);
	ignore(f);
	fails(f, 2, "trap");
	expect(f, "report a@1 g1 deployed failures=1 exhausted \"start: trap\"\n");
}

static void failures_before_the_window_do_not_count(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started attempts=1 window=5000");
	down(f);
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	succeed(f, 3);
	wait_ms(f, 5000);
	ignore(f);
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	expect(f, "do 4 start a@1\n"); /* one failure in the window: one second */
	up(f);
	expect(f, "hello n1 1\n"
		  "  holds a@1 g1 starting failures=1 restarts=2\n");
}

static void the_back_off_grows_to_one_minute(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started attempts=20 window=100000000");
	succeed(f, 1);
	down(f);
	static const int64_t pauses[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		fails(f, i + 2, "x");
		ignore(f);
		wait_ms(f, pauses[i] * 1000 - 1);
		expect(f, "");
		wait_ms(f, 1);
		CLEANUP(freep) char *line = str_printf("do %zu start a@1\n", i + 3);
		expect(f, line);
	}
}

static void the_unexpected_exit_of_a_process_is_a_failure(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	exits(f, "a", 1, "killed by signal 9");
	expect(f, "report a@1 g1 deployed failures=1 retry=1000 \"process: killed by signal "
		  "9\"\n");
	exits(f, "a", 1, "killed by signal 9");
	exits(f, "a", 2, "killed by signal 9");
	expect(f, "");
	wait_ms(f, 1000);
	expect(f, "do 3 start a@1\n"
		  "report a@1 g1 starting failures=1 restarts=1\n");
}

static void a_stop_during_the_back_off_does_not_shorten_it(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	exits(f, "a", 1, "killed by signal 9");
	ignore(f);
	ask(f, "a@1 g2 deployed");
	expect(f, "report a@1 g2 deployed failures=1 \"process: killed by signal 9\"\n");
	assert_false(agent_is_busy(f->agent, NULL));
	wait_ms(f, 400);
	ask(f, "a@1 g3 started");
	expect(f,
	       "report a@1 g3 deployed failures=1 retry=600 \"process: killed by signal 9\"\n");
	wait_ms(f, 599);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 3 start a@1\n"
		  "report a@1 g3 starting failures=1 restarts=1\n");
}

/* [lifecycle.failure.last-error] */
static void an_error_is_over_when_the_copy_has_been_well_for_its_window(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started window=500");
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	succeed(f, 3);
	ignore(f);
	health(f, "a", 1, false);
	wait_ms(f, 600);
	health(f, "a", 1, true);
	ignore(f);
	wait_ms(f, 499);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "report a@1 g1 started restarts=1 well\n");
	exits(f, "a", 1, "killed by signal 9");
	expect(f, "report a@1 g1 deployed failures=1 restarts=1 retry=1000 "
		  "\"process: killed by signal 9\"\n");
}

static void a_failed_update_is_over_when_the_copy_has_been_well_for_its_window(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i2 window=500");
	wait_ms(f, 400);
	ask(f, "a@1 g2 started i3 window=500");
	fails(f, 3, "exit status 4");
	ignore(f);
	wait_ms(f, 499);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "report a@1 g2 started i3 well\n");
}

/* zrms does not give what it needs now: as often as that takes. */
static void a_start_that_zrms_lets_wait_is_no_failure(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started attempts=0");
	succeed(f, 1);
	ignore(f);
	fails_unreached(f, 2, "zrms cannot be asked");
	expect(f, "report a@1 g1 deployed retry=1000 \"start: zrms cannot be asked\"\n");
	wait_ms(f, 999);
	expect(f, "");
	wait_ms(f, 1);
	ignore(f);
	fails_unreached(f, 3, "zrms cannot be asked");
	expect(f, "report a@1 g1 deployed retry=2000 \"start: zrms cannot be asked\"\n");
	wait_ms(f, 2000);
	ignore(f);
	succeed(f, 4);
	expect(f, "report a@1 g1 started\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_failed_deploy_is_retried_with_back_off),
		JOINED(a_new_retry_generation_restarts_exhausted_attempts),
		JOINED(without_attempts_there_is_no_retry),
		JOINED(a_start_that_zrms_lets_wait_is_no_failure),
		JOINED(failures_before_the_window_do_not_count),
		JOINED(an_error_is_over_when_the_copy_has_been_well_for_its_window),
		JOINED(a_failed_update_is_over_when_the_copy_has_been_well_for_its_window),
		JOINED(the_back_off_grows_to_one_minute),
		JOINED(the_unexpected_exit_of_a_process_is_a_failure),
		JOINED(a_stop_during_the_back_off_does_not_shorten_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
