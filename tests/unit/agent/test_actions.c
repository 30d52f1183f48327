/* One copy: actions in their order, their results, and exits of its process. */
#include "fixture.h"

static void deploys_then_starts_and_reports_each_phase(void **state)
{
	struct fixture *f = *state;
	f->records_shown = true;
	ask(f, "a@1 g1 started i3");
	expect(f, "record T/a#1 deploying\n"
		  "do 1 deploy a@1\n"
		  "report a@1 g1 deploying\n");
	succeed(f, 1);
	expect(f, "record T/a#1 starting\n"
		  "do 2 start a@1 i3\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
	succeed_exporting(f, 2, "port", "80");
	expect(f, "record T/a#1 started\n"
		  "report a@1 g1 started port=80 i3\n");
	ask(f, "a@1 g2 none");
	expect(f, "record T/a#1 started\n"
		  "do 3 stop a@1 grace=10000\n"
		  "report a@1 g2 stopping\n");
	succeed(f, 3);
	expect(f, "record T/a#1 undeploying\n"
		  "do 4 undeploy a@1\n"
		  "report a@1 g2 deployed\n"
		  "report a@1 g2 undeploying\n");
	succeed(f, 4);
	expect(f, "record T/a#1 -\n"
		  "report a@1 g2 absent\n");
}

static void an_action_ends_before_a_new_request_is_followed(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed(f, 1);
	ignore(f);
	ask(f, "a@1 g2 deployed");
	expect(f, "");
	succeed_exporting(f, 2, "port", "80");
	expect(f, "do 3 stop a@1 grace=10000\n"
		  "report a@1 g2 started port=80\n"
		  "report a@1 g2 stopping\n");
	succeed(f, 3);
	expect(f, "report a@1 g2 deployed\n");
}

static void a_process_that_exits_before_its_start_is_answered_has_started(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed(f, 1);
	ignore(f);
	exits(f, "a", 1, "killed by signal 9");
	expect(f, "");
	succeed(f, 2);
	expect(f, "report a@1 g1 started\n"
		  "report a@1 g1 deployed failures=1 retry=1000 \"process: killed by signal "
		  "9\"\n");
}

static void an_end_with_exit_status_0_is_an_action_of_its_own(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ends_with_0(f, "a", 1, "ended with exit status 0");
	expect(f, "report a@1 g1 deployed failures=1 retry=1000 ended \"process: ended with "
		  "exit status 0\"\n");
}

static void an_end_with_exit_status_0_before_its_start_is_answered_is_one_too(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed(f, 1);
	ignore(f);
	ends_with_0(f, "a", 1, "ended with exit status 0");
	expect(f, "");
	succeed(f, 2);
	expect(f, "report a@1 g1 started\n"
		  "report a@1 g1 deployed failures=1 retry=1000 ended \"process: ended with "
		  "exit status 0\"\n");
}

/* That its parent is gone as well says nothing more. */
static void an_end_with_exit_status_0_stays_the_error_while_its_parent_is_away(void **state)
{
	struct fixture *f = *state;
	run_family(f, "");
	ends_with_0(f, "a/b/c", 3, "ended with exit status 0");
	ignore(f);
	ask(f, "a@1 g2 deployed");
	expect(f,
	       "do 7 stop a/b@2 grace=10000\n"
	       "report a/b/c@3 g1 deployed failures=1 retry=1000 ended \"process: ended with "
	       "exit status 0\"\n"
	       "report a/b@2 g1 stopping\n"
	       "report a/b/c@3 g1 deployed failures=1 retry=1000 ended \"process: ended with "
	       "exit status 0\"\n"
	       "report a@1 g2 started\n");
}

static void a_finished_process_starts_again_only_when_asked_again(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	finishes(f, "a", 1);
	expect(f, "report a@1 g1 deployed finished\n");
	assert_false(agent_is_busy(f->agent, NULL));
	ask(f, "a@1 g2 started i1"); /* only its providers changed */
	expect(f, "report a@1 g2 deployed finished\n");
	ask(f, "a@1 g3 deployed i1");
	expect(f, "report a@1 g3 deployed\n");
	ask(f, "a@1 g4 started i1");
	expect(f, "do 3 start a@1 i1\n"
		  "report a@1 g4 starting\n");
	succeed_finished(f, 3);
	expect(f, "report a@1 g4 started i1\n"
		  "report a@1 g4 deployed finished\n");
}

static void new_imports_lead_to_an_update(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i1");
	ask(f, "a@1 g2 started i2");
	expect(f, "do 3 update a@1 i2\n");
	ask(f, "a@1 g3 started i3");
	expect(f, "");
	fails(f, 3, "exit status 1");
	expect(f, "do 4 update a@1 i3\n"
		  "report a@1 g3 started i2 \"update: exit status 1\"\n");
	succeed(f, 4);
	expect(f, "report a@1 g3 started i3\n");
}

static void imports_that_are_as_before_lead_to_no_update(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i1 port=80");
	ask(f, "a@1 g2 started i2 port=81");
	expect(f, "do 3 update a@1 i2\n");
	ask(f, "a@1 g3 started i3 port=80");
	ask(f, "a@1 g4 started i4 port=81");
	expect(f, "");
	succeed(f, 3);
	expect(f, "report a@1 g4 started i2\n"
		  "report a@1 g4 started i4\n");
	restart(f, "a@1 ");
	rejoin(f);
	ask_full(f, "a@1 g5 started i5 port=81"); /* after a restart as well */
	expect(f, "report a@1 g5 started i5\n");
	ask(f, "a@1 g6 started i6 port=82");
	expect(f, "do 1 update a@1 i6\n");
}

static void an_exit_during_an_update_is_reported_at_once(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@1 g2 started i1");
	ignore(f);
	exits(f, "a", 1, "watchdog: silent for 30 s");
	expect(f, "report a@1 g2 deployed failures=1 retry=1000 \"process: watchdog: silent "
		  "for 30 s\"\n");
	fails(f, 3, "gone");
	expect(f, "");
	wait_ms(f, 1000);
	expect(f, "do 4 start a@1 i1\n"
		  "report a@1 g2 starting failures=1 restarts=1\n");
}

/* zrms counts a copy as ended when its zhost has answered the very order to stop. */
static void an_order_during_an_update_whose_process_has_ended_is_answered(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@1 g2 started i1");
	ignore(f);
	finishes(f, "a", 1);
	expect(f, "report a@1 g2 deployed finished\n");
	ask(f, "a@1 g3 deployed i1");
	expect(f, "");
	succeed(f, 3);
	expect(f, "report a@1 g3 deployed\n");
}

static void an_action_that_exceeds_its_time_limit_is_killed_and_has_failed(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started timeout=5000");
	succeed(f, 1);
	ignore(f);
	wait_ms(f, 4999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "kill 2 start a@1\n");
	fails(f, 2, "killed by signal 9");
	expect(f,
	       "report a@1 g1 deployed failures=1 retry=1000 \"start: timed out after 5 s\"\n");
}

static void a_start_that_succeeds_before_it_is_killed_has_a_process(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started timeout=5000");
	succeed(f, 1);
	ignore(f);
	wait_ms(f, 5000);
	expect(f, "kill 2 start a@1\n");
	succeed(f, 2);
	expect(f, "report a@1 g1 started\n");
	/* It is not started beside itself, however long the kill takes. */
	wait_ms(f, 3000);
	expect(f, "");
	exits(f, "a", 1, "killed by signal 9");
	expect(f, "report a@1 g1 deployed failures=1 retry=1000 \"process: killed by signal "
		  "9\"\n");
}

static void a_stop_that_exceeds_its_grace_is_killed_and_has_succeeded(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started grace=3000");
	ask(f, "a@1 g2 deployed");
	ignore(f);
	wait_ms(f, 3000);
	expect(f, "kill 3 stop a@1\n");
	succeed(f, 3);
	expect(f, "report a@1 g2 deployed \"stop: killed after 3 s\"\n");
}

static void a_failed_undeploy_waits_for_a_new_generation(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 deployed");
	succeed(f, 1);
	ask(f, "a@1 g2 none");
	ignore(f);
	fails(f, 2, "exit status 1");
	expect(f, "report a@1 g2 deployed \"undeploy: exit status 1\"\n");
	assert_false(agent_is_busy(f->agent, NULL));
	ask(f, "a@1 g2 none");
	expect(f, "");
	ask(f, "a@1 g3 none");
	expect(f, "do 3 undeploy a@1\n"
		  "report a@1 g3 undeploying\n");
}

static void health_is_reported_when_it_changes(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	health(f, "a", 1, true);
	expect(f, "");
	health(f, "a", 1, false);
	health(f, "a", 1, false);
	expect(f, "report a@1 g1 started unhealthy\n");
	health(f, "a", 1, true);
	expect(f, "report a@1 g1 started\n");
	health(f, "a", 1, false);
	ignore(f);
	ask(f, "a@1 g2 deployed");
	succeed(f, 3);
	ignore(f);
	health(f, "a", 1, false);
	ask(f, "a@1 g3 started");
	succeed(f, 4);
	expect(f, "do 4 start a@1\n"
		  "report a@1 g3 starting\n"
		  "report a@1 g3 started\n"); /* a new process is healthy */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(deploys_then_starts_and_reports_each_phase),
		JOINED(an_action_ends_before_a_new_request_is_followed),
		JOINED(an_end_with_exit_status_0_is_an_action_of_its_own),
		JOINED(an_end_with_exit_status_0_before_its_start_is_answered_is_one_too),
		JOINED(an_end_with_exit_status_0_stays_the_error_while_its_parent_is_away),
		JOINED(a_process_that_exits_before_its_start_is_answered_has_started),
		JOINED(a_finished_process_starts_again_only_when_asked_again),
		JOINED(new_imports_lead_to_an_update),
		JOINED(imports_that_are_as_before_lead_to_no_update),
		JOINED(an_exit_during_an_update_is_reported_at_once),
		JOINED(an_order_during_an_update_whose_process_has_ended_is_answered),
		JOINED(an_action_that_exceeds_its_time_limit_is_killed_and_has_failed),
		JOINED(a_start_that_succeeds_before_it_is_killed_has_a_process),
		JOINED(a_stop_that_exceeds_its_grace_is_killed_and_has_succeeded),
		JOINED(a_failed_undeploy_waits_for_a_new_generation),
		JOINED(health_is_reported_when_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
