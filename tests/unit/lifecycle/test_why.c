/*
 * Why an instance does not run: one sentence, through the whole chain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/lifecycle/why.h"
#include "stage.h"

static const char lamp[] = "- {name: mysql, type: NATIVE, provides: [database]}\n"
			   "- {name: tomcat, type: NATIVE, imports: [{from: database}]}\n"
			   "- {name: app, type: NATIVE, inside: tomcat}\n"
			   "- {name: web, type: NATIVE, imports: [{from: app}]}\n";

static void check(struct stage *stage, const char *path, enum failure_code code,
		  const char *expected)
{
	CLEANUP(failure_done) struct failure_reason seen = slot_why(stage_slot(stage, path));
	assert_int_equal(seen.code, code);
	if (expected == NULL)
		assert_null(seen.text);
	else
		assert_string_equal(seen.text, expected);
}

static void set_up(struct stage *stage)
{
	stage_set_up(stage, lamp, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
}

static void the_whole_chain_is_explained(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	stage.lifecycle.now.wall_ms = (10 * 60 + 31) * 60000;
	goal_request(stage_slot(&stage, "mysql"), GOAL_DEPLOYED_STOPPED, "stopped by ops");
	stage_run(&stage);
	check(&stage, "web", FAILURE_IMPORT,
	      "web is unresolved: needs app, which waits for its ancestor tomcat, which is "
	      "unresolved: needs database, provided by mysql, stopped by ops at 10:31");
	check(&stage, "mysql", FAILURE_NONE, NULL);
	stage_tear_down(&stage);
}

static void what_runs_needs_no_explanation(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	check(&stage, "web", FAILURE_NONE, NULL);
	stage_tear_down(&stage);
}

static void a_failure_is_explained_with_its_error(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	struct slot *mysql = stage_slot(&stage, "mysql");
	mysql->serving.failed = true;
	mysql->serving.exhausted = true;
	mysql->serving.last_error = "start: exit status 3";
	slot_move(mysql, STATE_DEPLOYED_STOPPED, false, "start: exit status 3");
	stage_run(&stage);
	check(&stage, "mysql", FAILURE_ATTEMPTS,
	      "mysql has used up its attempts (start: exit status 3)");
	check(&stage, "tomcat", FAILURE_IMPORT,
	      "tomcat is unresolved: needs database, provided by mysql, which has used up its "
	      "attempts (start: exit status 3)");
	stage_tear_down(&stage);
}

static void a_copy_that_may_still_run_elsewhere_is_explained(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	struct slot *mysql = stage_slot(&stage, "mysql");
	mysql->serving.may_run_at_ms = stage.lifecycle.now.mono_ms + 1;
	slot_move(mysql, STATE_DEPLOYED_STOPPED, false, "another copy may still be running");
	stage_run(&stage);
	check(&stage, "mysql", FAILURE_EXCLUSIVE,
	      "mysql waits until its other copy must have stopped (exclusive)");
	mysql->serving.may_run_at_ms = NEVER_MS;
	mysql->serving.may_run_on = "n1";
	check(&stage, "mysql", FAILURE_EXCLUSIVE_REMOVED,
	      "mysql waits for zhost n1, where a topology that was removed may still run it "
	      "(exclusive); if n1 will not come back, `cluster rm n1` ends the wait");
	stage_tear_down(&stage);
}

static void a_missing_place_is_explained(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	struct slot *mysql = stage_slot(&stage, "mysql");
	mysql->serving.placed = false;
	slot_move(mysql, STATE_NOT_DEPLOYED, false, "zhost lost");
	stage_run(&stage);
	check(&stage, "tomcat", FAILURE_IMPORT,
	      "tomcat is unresolved: needs database, provided by mysql, which has no place");
	stage_tear_down(&stage);
}

/* The code is that of the subject: what its chain ends with has another. */
static void each_kind_of_reason_has_its_code(void **state)
{
	(void)state;
	struct stage stage;
	set_up(&stage);
	struct slot *mysql = stage_slot(&stage, "mysql"),
		    *app = stage_slot(&stage, "tomcat/app");
	mysql->serving.retry_at_ms = stage.lifecycle.now.mono_ms + 1;
	slot_move(mysql, STATE_DEPLOYED_STOPPED, false, "start: exit status 3");
	stage_run(&stage);
	check(&stage, "mysql", FAILURE_RETRY, "mysql failed and will be retried soon");
	mysql->serving.retry_at_ms = 0;
	check(&stage, "mysql", FAILURE_START, "mysql is not started yet");
	check(&stage, "tomcat/app", FAILURE_PARENT,
	      "tomcat/app waits for its ancestor tomcat, which is unresolved: needs database, "
	      "provided by mysql, which is not started yet");
	assert_int_equal(app->state, STATE_WAITING_FOR_ANCESTOR);
	slot_move(mysql, STATE_STARTING, false, "");
	check(&stage, "mysql", FAILURE_TRANSITION, "mysql is starting");
	mysql->goal = GOAL_NOT_DEPLOYED;
	mysql->serving.undeploy_failed = true;
	mysql->serving.last_error = "undeploy: exit status 1";
	check(&stage, "mysql", FAILURE_UNDEPLOY, "mysql is starting: undeploy: exit status 1");
	stage_tear_down(&stage);
}

static void a_lost_zhost_has_its_code(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage, lamp, GOAL_DEPLOYED_STARTED, STATE_NOT_DEPLOYED);
	struct slot *mysql = stage_slot(&stage, "mysql");
	mysql->serving.placed = false;
	mysql->serving.zhost_lost = true;
	check(&stage, "mysql", FAILURE_ZHOST_LOST, "mysql was lost with its zhost");
	mysql->serving.waits_for = "n1";
	mysql->serving.silent_ms = (14 * 60 + 5) * 60000;
	check(&stage, "mysql", FAILURE_ZHOST_SILENT,
	      "mysql waits for its zhost n1, silent since 14:05");
	stage_tear_down(&stage);
}

static void a_topology_that_waits_for_one_of_its_spaces_is_told_as_such(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage, lamp, GOAL_DEPLOYED_STARTED, STATE_NOT_DEPLOYED);
	for (const char *const *path = (const char *const[]){"mysql", "tomcat", "web", NULL};
	     *path != NULL; path++) {
		stage_slot(&stage, *path)->serving.placed = false;
		stage_slot(&stage, *path)->serving.no_place = true;
	}
	stage_slot(&stage, "mysql")->set->blocker = stage_slot(&stage, "mysql");
	check(&stage, "mysql", FAILURE_NO_PLACE, "mysql has no place");
	check(&stage, "tomcat", FAILURE_WHOLE,
	      "tomcat waits for mysql: a topology is placed as a whole");
	check(&stage, "web", FAILURE_WHOLE,
	      "web waits for mysql: a topology is placed as a whole");
	/* One that was lost is placed by itself. */
	stage_slot(&stage, "web")->serving.zhost_lost = true;
	check(&stage, "web", FAILURE_NO_PLACE, "web has no place");
	stage_tear_down(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_chain_is_explained),
		cmocka_unit_test(what_runs_needs_no_explanation),
		cmocka_unit_test(a_failure_is_explained_with_its_error),
		cmocka_unit_test(a_copy_that_may_still_run_elsewhere_is_explained),
		cmocka_unit_test(a_missing_place_is_explained),
		cmocka_unit_test(each_kind_of_reason_has_its_code),
		cmocka_unit_test(a_lost_zhost_has_its_code),
		cmocka_unit_test(a_topology_that_waits_for_one_of_its_spaces_is_told_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
