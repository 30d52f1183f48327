/* A new agent on the records of the one before. */
#include "fixture.h"

static void a_restarted_agent_adopts_running_processes(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i2");
	ask(f, "b@2 g2 started");
	succeed(f, 3);
	succeed_exporting(f, 4, "port", "81");
	ask(f, "c@3 g3 deployed");
	succeed(f, 5);
	ignore(f);
	restart(f, "b@2 ");
	expect(f, "");
	wait_ms(f, 5000); /* nothing starts before a full set */
	expect(f, "");
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed failures=1 retry=0 "
		  "\"process: ended while the zhost was away\"\n"
		  "  holds b@2 g0 started port=81\n"
		  "  holds c@3 g0 deployed\n");
	accept(f);
	expect(f, "heartbeat 1\n");
	ask_full(f, "a@1 g4 started i2;b@2 g5 started;c@3 g6 deployed");
	expect(f, "do 1 start a@1 i2\n"
		  "report a@1 g4 starting failures=1 restarts=1\n"
		  "report b@2 g5 started port=81\n"
		  "report c@3 g6 deployed\n");
}

static void a_process_that_a_reboot_ended_has_not_failed(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i2");
	reboot(f);
	expect(f, "");
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed\n");
	accept(f);
	expect(f, "heartbeat 1\n");
	ask_full(f, "a@1 g2 started i2");
	expect(f, "do 1 start a@1 i2\n"
		  "report a@1 g2 starting\n");
}

static void a_start_with_an_unknown_result_is_stopped(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed(f, 1);
	ignore(f);
	restart(f, "a@1 ");
	expect(f, "do 1 stop a@1 grace=10000\n");
	succeed(f, 1);
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed\n");
}

static void an_interrupted_deploy_is_repeated(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	ignore(f);
	restart(f, "");
	rejoin(f);
	ask_full(f, "a@1 g2 started");
	expect(f, "do 1 deploy a@1\n"
		  "report a@1 g2 deploying\n");
}

static void a_restart_does_not_end_a_back_off(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	fails(f, 3, "exit status 3");
	ignore(f);
	wait_ms(f, 500);
	restart(f, "");
	rejoin(f);
	ask_full(f, "a@1 g2 started");
	expect(f, "report a@1 g2 deployed failures=2 restarts=1 retry=1500 \"start: exit "
		  "status 3\"\n");
	wait_ms(f, 1499);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 1 start a@1\n"
		  "report a@1 g2 starting failures=2 restarts=2\n");
}

static void a_restart_gives_no_attempts_back(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started attempts=1");
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	fails(f, 3, "exit status 3");
	ignore(f);
	restart(f, "");
	rejoin(f);
	ask_full(f, "a@1 g2 started attempts=1");
	expect(f, "report a@1 g2 deployed failures=2 restarts=1 exhausted \"start: exit status "
		  "3\"\n");
	assert_false(agent_is_busy(f->agent, NULL));
	ask(f, "a@1 g3 started r1 attempts=1");
	expect(f, "do 1 start a@1\n"
		  "report a@1 g3 starting restarts=2\n");
}

static void a_failed_deploy_is_not_repeated_at_once_after_a_restart(void **state)
{
	struct fixture *f = *state;
	f->records_shown = true;
	ask(f, "a@1 g1 deployed");
	ignore(f);
	fails(f, 1, "no such artifact");
	expect(f, "record T/a#1 absent\n"
		  "report a@1 g1 absent failures=1 retry=1000 \"deploy: no such artifact\"\n");
	restart(f, "");
	rejoin(f);
	ask_full(f, "a@1 g2 deployed");
	wait_ms(f, 999);
	ignore(f);
	wait_ms(f, 1);
	expect(f, "record T/a#1 deploying\n"
		  "do 1 deploy a@1\n"
		  "report a@1 g2 deploying failures=1\n");
}

static void nothing_is_kept_of_a_failed_deploy_that_is_no_longer_asked_for(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 deployed");
	fails(f, 1, "no such artifact");
	restart(f, "");
	rejoin(f);
	f->records_shown = true;
	ask_full(f, "");
	expect(f, "record T/a#1 -\n");
}

/* The clock of the boot begins again; the wall clock says how much time has passed. */
static void a_reboot_gives_no_attempts_back(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started attempts=2 window=60000");
	exits(f, "a", 1, "killed by signal 9");
	wait_ms(f, 1000);
	fails(f, 3, "exit status 3");
	wait_ms(f, 500);
	f->wall_ahead_ms = f->now_ms - 40; /* it shows what it would have shown */
	f->now_ms = 40;
	reboot(f);
	rejoin(f);
	ask_full(f, "a@1 g2 started attempts=2 window=60000");
	expect(f, "report a@1 g2 deployed failures=2 restarts=1 retry=1500 \"start: exit "
		  "status 3\"\n");
	wait_ms(f, 1500);
	expect(f, "do 1 start a@1\n"
		  "report a@1 g2 starting failures=2 restarts=2\n");
	fails(f, 1, "exit status 3");
	expect(f, "report a@1 g2 deployed failures=3 restarts=2 exhausted "
		  "\"start: exit status 3\"\n");
}

static void a_wall_clock_that_was_set_back_delays_a_retry_by_its_back_off_only(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	exits(f, "a", 1, "killed by signal 9");
	f->wall_ahead_ms = -900000;
	reboot(f);
	rejoin(f);
	ask_full(f, "a@1 g2 started");
	expect(f, "report a@1 g2 deployed failures=1 retry=1000 \"process: killed by signal "
		  "9\"\n");
	wait_ms(f, 1000);
	expect(f, "do 1 start a@1\n"
		  "report a@1 g2 starting failures=1 restarts=1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_restarted_agent_adopts_running_processes),
		JOINED(a_process_that_a_reboot_ended_has_not_failed),
		JOINED(a_start_with_an_unknown_result_is_stopped),
		JOINED(an_interrupted_deploy_is_repeated),
		JOINED(a_restart_does_not_end_a_back_off),
		JOINED(a_restart_gives_no_attempts_back),
		JOINED(a_failed_deploy_is_not_repeated_at_once_after_a_restart),
		JOINED(nothing_is_kept_of_a_failed_deploy_that_is_no_longer_asked_for),
		JOINED(a_reboot_gives_no_attempts_back),
		JOINED(a_wall_clock_that_was_set_back_delays_a_retry_by_its_back_off_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
