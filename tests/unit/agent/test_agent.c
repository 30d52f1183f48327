/* The agent, input by input: what is asked of it, and what it then does and says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above */
#include <cmocka.h>

#include "fixture.h"

#define ACCEPTED SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED
#define REFUSED	 SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED
#define REMOVED	 SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED

/* An instance `a` of epoch 1 that runs; its actions were 1 and 2. */
static void start_a(struct fixture *f, const char *wish)
{
	desired(f, false, wish);
	done(f, 1, NULL);
	done(f, 2, NULL);
	forget(f);
}

static void deploys_then_starts_and_reports_each_phase(void **state)
{
	struct fixture f;
	setup(&f);
	f.records_shown = true;
	join(&f);
	desired(&f, false, "a@1 o1 started i3");
	expect(&f, "record T/a deploying\n"
		   "do 1 deploy a@1\n"
		   "report a@1 o1 deploying\n");
	done(&f, 1, NULL);
	expect(&f, "record T/a starting\n"
		   "do 2 start a@1 i3\n"
		   "report a@1 o1 deployed\n"
		   "report a@1 o1 starting\n");
	done_exports(&f, 2, "port", "80");
	expect(&f, "record T/a started\n"
		   "report a@1 o1 started port=80 i3\n");
	desired(&f, false, "a@1 o2 none");
	expect(&f, "record T/a started\n"
		   "do 3 stop a@1 grace=10000\n"
		   "report a@1 o2 stopping\n");
	done(&f, 3, NULL);
	expect(&f, "record T/a undeploying\n"
		   "do 4 undeploy a@1\n"
		   "report a@1 o2 deployed\n"
		   "report a@1 o2 undeploying\n");
	done(&f, 4, NULL);
	expect(&f, "record T/a -\n"
		   "report a@1 o2 absent\n");
	teardown(&f);
}

static void an_action_ends_before_a_new_wish_is_followed(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started");
	done(&f, 1, NULL);
	forget(&f);
	desired(&f, false, "a@1 o2 deployed");
	expect(&f, "");
	done_exports(&f, 2, "port", "80");
	expect(&f, "do 3 stop a@1 grace=10000\n"
		   "report a@1 o2 started port=80\n"
		   "report a@1 o2 stopping\n");
	done(&f, 3, NULL);
	expect(&f, "report a@1 o2 deployed\n");
	teardown(&f);
}

static void an_order_that_asks_nothing_new_is_answered(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	desired(&f, false, "a@1 o2 started");
	expect(&f, "report a@1 o2 started\n");
	desired(&f, false, "a@1 o2 started");
	expect(&f, "");
	desired(&f, false, "gone@7 o9 none");
	expect(&f, "report gone@7 o9 absent\n");
	teardown(&f);
}

static void an_older_order_changes_nothing(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o5 started");
	desired(&f, false, "a@1 o4 none");
	expect(&f, "");
	teardown(&f);
}

static void a_failed_deploy_is_retried_with_back_off(void **state)
{
	struct fixture f;
	setup(&f);
	f.records_shown = true;
	join(&f);
	desired(&f, false, "a@1 o1 deployed");
	forget(&f);
	done(&f, 1, "no such artifact");
	expect(&f, "record T/a -\n"
		   "report a@1 o1 absent failures=1 retry=1000 \"deploy: no such artifact\"\n");
	assert_true(agent_is_busy(f.agent, NULL));
	wait_ms(&f, 999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "record T/a deploying\n"
		   "do 2 deploy a@1\n"
		   "report a@1 o1 deploying failures=1\n");
	done(&f, 2, NULL);
	expect(&f, "record T/a deployed\n"
		   "report a@1 o1 deployed failures=1\n");
	assert_false(agent_is_busy(f.agent, NULL));
	teardown(&f);
}

static void attempts_end_and_a_fresh_wish_begins_anew(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started attempts=2");
	done(&f, 1, NULL);
	forget(&f);
	done(&f, 2, "exit status 3");
	expect(&f, "report a@1 o1 deployed failures=1 retry=1000 \"start: exit status 3\"\n");
	wait_ms(&f, 1000);
	expect(&f, "do 3 start a@1\n"
		   "report a@1 o1 starting failures=1 restarts=1\n");
	done(&f, 3, "exit status 3");
	forget(&f);
	wait_ms(&f, 1999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "do 4 start a@1\n"
		   "report a@1 o1 starting failures=2 restarts=2\n");
	done(&f, 4, "exit status 3");
	expect(&f, "report a@1 o1 deployed failures=3 restarts=2 gave-up "
		   "\"start: exit status 3\"\n");
	assert_false(agent_is_busy(f.agent, NULL));
	wait_ms(&f, 5000);
	expect(&f, "");
	desired(&f, false, "a@1 o2 started");
	expect(&f, "report a@1 o2 deployed failures=3 restarts=2 gave-up "
		   "\"start: exit status 3\"\n");
	desired(&f, false, "a@1 o3 started f1");
	expect(&f, "do 5 start a@1\n"
		   "report a@1 o3 starting restarts=3\n");
	done(&f, 5, NULL);
	expect(&f, "report a@1 o3 started restarts=3\n");
	teardown(&f);
}

static void no_attempts_means_no_retry(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started attempts=0");
	done(&f, 1, NULL);
	forget(&f);
	done(&f, 2, "trap");
	expect(&f, "report a@1 o1 deployed failures=1 gave-up \"start: trap\"\n");
	teardown(&f);
}

static void failures_older_than_the_window_are_forgotten(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started attempts=1 window=5000");
	down(&f);
	ended(&f, "a", 1, "killed by signal 9");
	wait_ms(&f, 1000);
	done(&f, 3, NULL);
	wait_ms(&f, 5000);
	forget(&f);
	ended(&f, "a", 1, "killed by signal 9");
	wait_ms(&f, 1000);
	expect(&f, "do 4 start a@1\n"); /* the first one again: one second */
	up(&f);
	expect(&f, "hello n1 1\n"
		   "  holds a@1 o1 starting failures=1 restarts=2\n");
	teardown(&f);
}

static void the_back_off_ends_at_a_minute(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started attempts=20 window=100000000");
	done(&f, 1, NULL);
	down(&f);
	static const int64_t pauses[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		done(&f, i + 2, "x");
		forget(&f);
		wait_ms(&f, pauses[i] * 1000 - 1);
		expect(&f, "");
		wait_ms(&f, 1);
		CLEANUP(freep) char *line = NULL;
		assert_true(asprintf(&line, "do %zu start a@1\n", i + 3) > 0);
		expect(&f, line);
	}
	teardown(&f);
}

static void the_death_of_a_process_is_a_failure(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	ended(&f, "a", 1, "killed by signal 9");
	expect(&f, "report a@1 o1 deployed failures=1 retry=1000 \"process: killed by signal "
		   "9\"\n");
	ended(&f, "a", 1, "killed by signal 9");
	ended(&f, "a", 2, "killed by signal 9");
	expect(&f, "");
	wait_ms(&f, 1000);
	expect(&f, "do 3 start a@1\n"
		   "report a@1 o1 starting failures=1 restarts=1\n");
	teardown(&f);
}

static void a_process_that_dies_before_its_start_is_answered_has_started(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started");
	done(&f, 1, NULL);
	forget(&f);
	ended(&f, "a", 1, "killed by signal 9");
	expect(&f, "");
	done(&f, 2, NULL);
	expect(&f, "report a@1 o1 started\n"
		   "report a@1 o1 deployed failures=1 retry=1000 \"process: killed by signal "
		   "9\"\n");
	teardown(&f);
}

static void a_stop_while_a_retry_waits_keeps_the_back_off(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	ended(&f, "a", 1, "killed by signal 9");
	forget(&f);
	desired(&f, false, "a@1 o2 deployed");
	expect(&f, "report a@1 o2 deployed failures=1 \"process: killed by signal 9\"\n");
	assert_false(agent_is_busy(f.agent, NULL));
	wait_ms(&f, 400);
	desired(&f, false, "a@1 o3 started");
	expect(&f,
	       "report a@1 o3 deployed failures=1 retry=600 \"process: killed by signal 9\"\n");
	wait_ms(&f, 599);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "do 3 start a@1\n"
		   "report a@1 o3 starting failures=1 restarts=1\n");
	teardown(&f);
}

static void a_finished_process_waits_for_a_new_wish(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	ended(&f, "a", 1, NULL);
	expect(&f, "report a@1 o1 deployed finished\n");
	assert_false(agent_is_busy(f.agent, NULL));
	desired(&f, false, "a@1 o2 started i1"); /* news of a provider are no wish */
	expect(&f, "report a@1 o2 deployed finished\n");
	desired(&f, false, "a@1 o3 deployed i1");
	expect(&f, "report a@1 o3 deployed\n");
	desired(&f, false, "a@1 o4 started i1");
	expect(&f, "do 3 start a@1 i1\n"
		   "report a@1 o4 starting\n");
	done_finished(&f, 3);
	expect(&f, "report a@1 o4 started i1\n"
		   "report a@1 o4 deployed finished\n");
	teardown(&f);
}

static void new_imports_are_an_update(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started i1");
	desired(&f, false, "a@1 o2 started i2");
	expect(&f, "do 3 update a@1 i2\n");
	desired(&f, false, "a@1 o3 started i3");
	expect(&f, "");
	done(&f, 3, "exit status 1");
	expect(&f, "do 4 update a@1 i3\n"
		   "report a@1 o3 started i2 \"update: exit status 1\"\n");
	done(&f, 4, NULL);
	expect(&f, "report a@1 o3 started i3\n");
	teardown(&f);
}

static void a_set_that_came_back_is_no_update(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started i1 port=80");
	desired(&f, false, "a@1 o2 started i2 port=81");
	expect(&f, "do 3 update a@1 i2\n");
	desired(&f, false, "a@1 o3 started i3 port=80");
	desired(&f, false, "a@1 o4 started i4 port=81");
	expect(&f, "");
	done(&f, 3, NULL);
	expect(&f, "report a@1 o4 started i2\n"
		   "report a@1 o4 started i4\n");
	restart(&f, "a ");
	up(&f);
	hello_ack(&f, ACCEPTED);
	forget(&f);
	desired(&f, true, "a@1 o5 started i5 port=81"); /* also after a restart */
	expect(&f, "report a@1 o5 started i5\n");
	desired(&f, false, "a@1 o6 started i6 port=82");
	expect(&f, "do 1 update a@1 i6\n");
	teardown(&f);
}

static void a_death_during_an_update_is_reported_at_once(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	desired(&f, false, "a@1 o2 started i1");
	forget(&f);
	ended(&f, "a", 1, "watchdog: silent for 30 s");
	expect(&f, "report a@1 o2 deployed failures=1 retry=1000 \"process: watchdog: silent "
		   "for 30 s\"\n");
	done(&f, 3, "gone");
	expect(&f, "");
	wait_ms(&f, 1000);
	expect(&f, "do 4 start a@1 i1\n"
		   "report a@1 o2 starting failures=1 restarts=1\n");
	teardown(&f);
}

static void an_action_past_its_time_is_killed_and_has_failed(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started timeout=5000");
	done(&f, 1, NULL);
	forget(&f);
	wait_ms(&f, 4999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "kill 2 start a@1\n");
	done(&f, 2, NULL); /* too late */
	expect(&f,
	       "report a@1 o1 deployed failures=1 retry=1000 \"start: timed out after 5 s\"\n");
	teardown(&f);
}

static void a_stop_past_its_grace_is_killed_and_counts_as_stopped(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started grace=3000");
	desired(&f, false, "a@1 o2 deployed");
	forget(&f);
	wait_ms(&f, 3000);
	expect(&f, "kill 3 stop a@1\n");
	done(&f, 3, NULL);
	expect(&f, "report a@1 o2 deployed \"stop: killed after 3 s\"\n");
	teardown(&f);
}

static void a_failed_undeploy_waits_for_a_new_order(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 deployed");
	done(&f, 1, NULL);
	desired(&f, false, "a@1 o2 none");
	forget(&f);
	done(&f, 2, "exit status 1");
	expect(&f, "report a@1 o2 deployed \"undeploy: exit status 1\"\n");
	assert_false(agent_is_busy(f.agent, NULL));
	desired(&f, false, "a@1 o2 none");
	expect(&f, "");
	desired(&f, false, "a@1 o3 none");
	expect(&f, "do 3 undeploy a@1\n"
		   "report a@1 o3 undeploying\n");
	teardown(&f);
}

static void a_newer_epoch_replaces_the_older(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	desired(&f, false, "a@2 o4 started");
	expect(&f, "do 3 stop a@1 grace=10000\n"
		   "report a@1 o1 stopping\n");
	done(&f, 3, NULL);
	forget(&f);
	desired(&f, false, "a@1 o9 started"); /* an older one is ignored */
	expect(&f, "");
	done(&f, 4, NULL);
	expect(&f, "do 5 deploy a@2\n"
		   "report a@1 o1 absent\n"
		   "report a@2 o4 deploying\n");
	desired(&f, false, "a@1 o9 none");
	expect(&f, "");
	teardown(&f);
}

static void what_a_full_set_does_not_list_goes(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	desired(&f, false, "b@2 o2 deployed");
	done(&f, 3, NULL);
	forget(&f);
	desired(&f, true, "b@2 o2 deployed");
	expect(&f, "do 4 stop a@1 grace=10000\n"
		   "report a@1 o1 stopping\n");
	teardown(&f);
}

static void without_a_description_nothing_is_deployed(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started nospec");
	expect(&f, "report a@1 o1 absent "
		   "\"deploy: zrms sent no description of the instance\"\n");
	start_a(&f, "a@1 o2 started");
	desired(&f, false, "a@1 o3 deployed nospec"); /* known for this epoch */
	expect(&f, "do 3 stop a@1 grace=10000\n"
		   "report a@1 o3 stopping\n");
	teardown(&f);
}

/* a, with a child a/b and its child a/b/c: all of them run; the next action is 7. */
static void start_family(struct fixture *f, const char *words)
{
	CLEANUP(freep) char *wishes = NULL;
	assert_true(asprintf(&wishes,
			     "a/b/c@3 o1 started in=a/b;a/b@2 o1 started in=a;a@1 o1 started%s",
			     words) > 0);
	desired(f, false, wishes);
	for (uint64_t action = 1; action <= 6; action++)
		done(f, action, NULL);
	forget(f);
}

static void a_child_starts_after_its_parent(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a/b@2 o1 started in=a;a@1 o1 started");
	done(&f, 1, NULL);
	done(&f, 2, NULL);
	expect(&f, "do 1 deploy a/b@2\n"
		   "do 2 deploy a@1\n"
		   "report a/b@2 o1 deploying\n"
		   "report a@1 o1 deploying\n"
		   "report a/b@2 o1 deployed \"start: its ancestor does not run here\"\n"
		   "do 3 start a@1\n"
		   "report a@1 o1 deployed\n"
		   "report a@1 o1 starting\n");
	done(&f, 3, NULL);
	expect(&f, "do 4 start a/b@2\n"
		   "report a@1 o1 started\n"
		   "report a/b@2 o1 starting\n");
	teardown(&f);
}

static void what_is_not_listed_goes_bottom_up(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_family(&f, "");
	desired(&f, true, "");
	expect(&f, "do 7 stop a/b/c@3 grace=10000\n"
		   "report a/b/c@3 o1 stopping\n");
	done(&f, 7, NULL);
	expect(&f, "do 8 undeploy a/b/c@3\n"
		   "do 9 stop a/b@2 grace=10000\n"
		   "report a/b/c@3 o1 deployed\n"
		   "report a/b/c@3 o1 undeploying\n"
		   "report a/b@2 o1 stopping\n");
	done(&f, 9, NULL); /* its child is still being undeployed */
	expect(&f, "do 10 stop a@1 grace=10000\n"
		   "report a/b@2 o1 deployed\n"
		   "report a@1 o1 stopping\n");
	done(&f, 10, NULL);
	expect(&f, "report a@1 o1 deployed\n");
	done(&f, 8, NULL);
	expect(&f, "do 11 undeploy a/b@2\n"
		   "report a/b/c@3 o1 absent\n"
		   "report a/b@2 o1 undeploying\n");
	done(&f, 11, NULL);
	expect(&f, "do 12 undeploy a@1\n"
		   "report a/b@2 o1 absent\n"
		   "report a@1 o1 undeploying\n");
	teardown(&f);
}

static void a_parent_that_must_stop_stops_its_children_first(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_family(&f, "");
	desired(&f, false, "a@1 o2 deployed"); /* and nothing is said of those below */
	expect(&f, "do 7 stop a/b/c@3 grace=10000\n"
		   "report a/b/c@3 o1 stopping\n"
		   "report a@1 o2 started\n");
	done(&f, 7, NULL);
	forget(&f);
	done(&f, 8, NULL);
	expect(&f, "do 9 stop a@1 grace=10000\n"
		   "report a/b@2 o1 deployed \"start: its ancestor does not run here\"\n"
		   "report a@1 o2 stopping\n");
	teardown(&f);
}

static void the_children_of_an_exclusive_one_stop_with_its_lease(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_family(&f, " exclusive");
	down(&f);
	wait_ms(&f, 19999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "do 7 stop a/b/c@3 grace=10000\n");
	done(&f, 7, NULL);
	expect(&f, "do 8 stop a/b@2 grace=10000\n");
	wait_ms(&f, 4000);
	done(&f, 8, NULL);
	expect(&f, "do 9 stop a@1 grace=6000\n");
	done(&f, 9, NULL);
	up(&f);
	hello_ack(&f, ACCEPTED);
	forget(&f);
	desired(&f, true,
		"a/b/c@3 o1 started in=a/b;a/b@2 o1 started in=a;a@1 o1 started exclusive");
	expect(&f, "");
	heartbeat_ack(&f, 2);
	expect(&f, "do 10 start a@1 until=54000\n"
		   "report a@1 o1 starting\n");
	done(&f, 10, NULL);
	done(&f, 11, NULL);
	expect(&f, "do 11 start a/b@2\n"
		   "report a@1 o1 started\n"
		   "report a/b@2 o1 starting\n"
		   "do 12 start a/b/c@3\n"
		   "report a/b@2 o1 started\n"
		   "report a/b/c@3 o1 starting\n");
	teardown(&f);
}

static void no_child_outlives_the_lease(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_family(&f, " exclusive");
	down(&f);
	wait_ms(&f, 20000);
	done(&f, 7, NULL);
	wait_ms(&f, 4000);
	expect(&f, "do 7 stop a/b/c@3 grace=10000\n"
		   "do 8 stop a/b@2 grace=10000\n");
	wait_ms(&f, 5999); /* it hangs, and its parent has not been asked yet */
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "kill 8 stop a/b@2\n"
		   "kill 0 stop a@1\n");
	done(&f, 8, "killed");
	expect(&f, "do 9 stop a@1 grace=0\n");
	teardown(&f);
}

static void a_child_that_starts_at_the_end_of_the_lease_is_killed(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a/b@2 o1 started in=a;a@1 o1 started exclusive");
	for (uint64_t action = 1; action <= 3; action++)
		done(&f, action, NULL);
	down(&f);
	forget(&f);
	wait_ms(&f, 30000);
	expect(&f, "kill 4 start a/b@2\n"
		   "kill 0 stop a@1\n");
	done(&f, 4, "killed");
	expect(&f, "do 5 stop a@1 grace=0\n");
	up(&f);
	expect(&f, "hello n1 1\n"
		   "  holds a/b@2 o1 deployed \"start: its ancestor does not run here\"\n"
		   "  holds a@1 o1 stopping\n"); /* no failure */
	teardown(&f);
}

static void a_lease_that_goes_on_starts_what_stopped(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false,
		"a/b@2 o1 started in=a;a/c@3 o1 started in=a;a@1 o1 started exclusive");
	for (uint64_t action = 1; action <= 6; action++)
		done(&f, action, NULL);
	forget(&f);
	wait_ms(&f, 20000);
	done(&f, 7, NULL);
	forget(&f);
	heartbeat_ack(&f, 3);
	expect(&f, "renew a until=50000\n"
		   "do 9 start a/b@2\n"
		   "report a/b@2 o1 starting\n");
	done(&f, 8, NULL);
	expect(&f, "do 10 start a/c@3\n"
		   "report a/c@3 o1 deployed\n"
		   "report a/c@3 o1 starting\n");
	teardown(&f);
}

static void heartbeats_begin_with_the_acknowledgement(void **state)
{
	struct fixture f;
	setup(&f);
	up(&f);
	expect(&f, "hello n1 1\n");
	wait_ms(&f, 20000);
	expect(&f, "");
	hello_ack(&f, ACCEPTED);
	expect(&f, "heartbeat 1\n");
	desired(&f, true, "");
	start_a(&f, "a@1 o1 started");
	wait_ms(&f, 20000);
	expect(&f, "heartbeat 2 a\nheartbeat 3 a\n");
	down(&f);
	wait_ms(&f, 20000);
	expect(&f, "");
	up(&f);
	expect(&f, "hello n1 1\n"
		   "  holds a@1 o1 started\n");
	hello_ack(&f, REFUSED);
	wait_ms(&f, 20000);
	expect(&f, "");
	teardown(&f);
}

static void what_happens_without_a_link_is_told_by_hello(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started attempts=1");
	down(&f);
	ended(&f, "a", 1, "killed by signal 11");
	wait_ms(&f, 1000);
	done(&f, 3, "exit status 1");
	forget(&f);
	up(&f);
	expect(&f, "hello n1 1\n"
		   "  holds a@1 o1 deployed failures=2 restarts=1 gave-up "
		   "\"start: exit status 1\"\n");
	teardown(&f);
}

static void a_removed_zhost_stops_all_and_ends(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started");
	hello_ack(&f, REMOVED);
	expect(&f, "do 3 stop a@1 grace=10000\n"
		   "report a@1 o1 stopping\n");
	desired(&f, false, "b@2 o2 started");
	done(&f, 3, NULL);
	forget(&f);
	done(&f, 4, NULL);
	expect(&f, "end\n"
		   "report a@1 o1 absent\n");
	up(&f);
	expect(&f, "");
	teardown(&f);
}

static void a_restarted_agent_adopts_what_runs(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started i2");
	desired(&f, false, "b@2 o2 started");
	done(&f, 3, NULL);
	done_exports(&f, 4, "port", "81");
	desired(&f, false, "c@3 o3 deployed");
	done(&f, 5, NULL);
	forget(&f);
	restart(&f, "b ");
	expect(&f, "");
	wait_ms(&f, 5000); /* nothing starts before zrms has said what it wants */
	expect(&f, "");
	up(&f);
	expect(&f, "hello n1 2\n"
		   "  holds a@1 o0 deployed failures=1 retry=0 "
		   "\"process: ended while the zhost was away\"\n"
		   "  holds b@2 o0 started port=81\n"
		   "  holds c@3 o0 deployed\n");
	hello_ack(&f, ACCEPTED);
	expect(&f, "heartbeat 1 b\n");
	desired(&f, true, "a@1 o4 started i2;b@2 o5 started;c@3 o6 deployed");
	expect(&f, "do 1 start a@1 i2\n"
		   "report a@1 o4 starting failures=1 restarts=1\n"
		   "report b@2 o5 started port=81\n"
		   "report c@3 o6 deployed\n");
	teardown(&f);
}

static void what_a_boot_ended_has_not_failed(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started i2");
	reboot(&f);
	expect(&f, "");
	up(&f);
	expect(&f, "hello n1 2\n"
		   "  holds a@1 o0 deployed\n");
	hello_ack(&f, ACCEPTED);
	expect(&f, "heartbeat 1\n");
	desired(&f, true, "a@1 o2 started i2");
	expect(&f, "do 1 start a@1 i2\n"
		   "report a@1 o2 starting\n");
	teardown(&f);
}

static void a_start_that_nobody_saw_the_end_of_is_stopped(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started");
	done(&f, 1, NULL);
	forget(&f);
	restart(&f, "a ");
	expect(&f, "do 1 stop a@1 grace=10000\n");
	done(&f, 1, NULL);
	up(&f);
	expect(&f, "hello n1 2\n"
		   "  holds a@1 o0 deployed\n");
	teardown(&f);
}

static void half_a_deploy_is_deployed_again(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started");
	forget(&f);
	restart(&f, "");
	up(&f);
	hello_ack(&f, ACCEPTED);
	forget(&f);
	desired(&f, true, "a@1 o2 started");
	expect(&f, "do 1 deploy a@1\n"
		   "report a@1 o2 deploying\n");
	teardown(&f);
}

/* [topology.exclusive.zhost]: 20 s after the last acknowledged heartbeat it is asked to stop,
 * at 30 s it is killed. */
static void an_exclusive_one_stops_when_zrms_is_silent(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	desired(&f, false, "a@1 o1 started exclusive grace=60000");
	done(&f, 1, NULL);
	expect(&f, "do 1 deploy a@1\n"
		   "report a@1 o1 deploying\n"
		   "do 2 start a@1 until=30000\n"
		   "report a@1 o1 deployed\n"
		   "report a@1 o1 starting\n");
	done(&f, 2, NULL);
	forget(&f);
	wait_ms(&f, 10000);
	expect(&f, "heartbeat 2 a\n");
	wait_ms(&f, 500);
	heartbeat_ack(&f, 2); /* counted from when it was sent */
	expect(&f, "renew a until=40000\n");
	down(&f);
	wait_ms(&f, 19499);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "do 3 stop a@1 grace=10000\n");
	wait_ms(&f, 9999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "kill 3 stop a@1\n");
	done(&f, 3, NULL);
	assert_false(agent_is_busy(f.agent, NULL));
	up(&f);
	hello_ack(&f, ACCEPTED);
	expect(&f, "hello n1 1\n"
		   "  holds a@1 o1 deployed \"stop: killed after 10 s\"\n"
		   "heartbeat 3\n");
	desired(&f, true, "a@1 o1 started exclusive grace=60000");
	expect(&f, "");
	heartbeat_ack(&f, 3);
	expect(&f, "do 4 start a@1 until=70000\n"
		   "report a@1 o1 starting\n");
	teardown(&f);
}

static void an_exclusive_one_that_is_starting_is_killed_at_the_timeout(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	wait_ms(&f, 5000);
	down(&f);
	up(&f);
	hello_ack(&f, ACCEPTED);
	forget(&f);
	heartbeat_ack(&f, 2);
	desired(&f, true, "a@1 o1 started exclusive");
	done(&f, 1, NULL);
	down(&f);
	forget(&f);
	wait_ms(&f, 29999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "kill 2 start a@1\n");
	done(&f, 2, "killed");
	up(&f);
	expect(&f, "hello n1 1\n"
		   "  holds a@1 o1 deployed\n"); /* no failure */
	teardown(&f);
}

static void an_exclusive_one_that_was_adopted_has_no_lease_for_ever(void **state)
{
	struct fixture f;
	setup(&f);
	join(&f);
	start_a(&f, "a@1 o1 started exclusive");
	wait_ms(&f, 1000);
	restart(&f, "a ");
	wait_ms(&f, 19999);
	expect(&f, "");
	wait_ms(&f, 1);
	expect(&f, "do 1 stop a@1 grace=10000\n");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deploys_then_starts_and_reports_each_phase),
		cmocka_unit_test(an_action_ends_before_a_new_wish_is_followed),
		cmocka_unit_test(an_order_that_asks_nothing_new_is_answered),
		cmocka_unit_test(an_older_order_changes_nothing),
		cmocka_unit_test(a_failed_deploy_is_retried_with_back_off),
		cmocka_unit_test(attempts_end_and_a_fresh_wish_begins_anew),
		cmocka_unit_test(no_attempts_means_no_retry),
		cmocka_unit_test(failures_older_than_the_window_are_forgotten),
		cmocka_unit_test(the_back_off_ends_at_a_minute),
		cmocka_unit_test(the_death_of_a_process_is_a_failure),
		cmocka_unit_test(a_process_that_dies_before_its_start_is_answered_has_started),
		cmocka_unit_test(a_stop_while_a_retry_waits_keeps_the_back_off),
		cmocka_unit_test(a_finished_process_waits_for_a_new_wish),
		cmocka_unit_test(new_imports_are_an_update),
		cmocka_unit_test(a_set_that_came_back_is_no_update),
		cmocka_unit_test(a_death_during_an_update_is_reported_at_once),
		cmocka_unit_test(an_action_past_its_time_is_killed_and_has_failed),
		cmocka_unit_test(a_stop_past_its_grace_is_killed_and_counts_as_stopped),
		cmocka_unit_test(a_failed_undeploy_waits_for_a_new_order),
		cmocka_unit_test(a_newer_epoch_replaces_the_older),
		cmocka_unit_test(what_a_full_set_does_not_list_goes),
		cmocka_unit_test(without_a_description_nothing_is_deployed),
		cmocka_unit_test(a_child_starts_after_its_parent),
		cmocka_unit_test(what_is_not_listed_goes_bottom_up),
		cmocka_unit_test(a_parent_that_must_stop_stops_its_children_first),
		cmocka_unit_test(the_children_of_an_exclusive_one_stop_with_its_lease),
		cmocka_unit_test(no_child_outlives_the_lease),
		cmocka_unit_test(a_child_that_starts_at_the_end_of_the_lease_is_killed),
		cmocka_unit_test(a_lease_that_goes_on_starts_what_stopped),
		cmocka_unit_test(heartbeats_begin_with_the_acknowledgement),
		cmocka_unit_test(what_happens_without_a_link_is_told_by_hello),
		cmocka_unit_test(a_removed_zhost_stops_all_and_ends),
		cmocka_unit_test(a_restarted_agent_adopts_what_runs),
		cmocka_unit_test(what_a_boot_ended_has_not_failed),
		cmocka_unit_test(a_start_that_nobody_saw_the_end_of_is_stopped),
		cmocka_unit_test(half_a_deploy_is_deployed_again),
		cmocka_unit_test(an_exclusive_one_stops_when_zrms_is_silent),
		cmocka_unit_test(an_exclusive_one_that_is_starting_is_killed_at_the_timeout),
		cmocka_unit_test(an_exclusive_one_that_was_adopted_has_no_lease_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
