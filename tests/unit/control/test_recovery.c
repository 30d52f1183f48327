/* What zrms decides when zhosts fall silent and come back, and what it knows again after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/application.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_registry.h"
#include "core/control/zhost/zhosts.h"
#include "fixture.h"
#include "one_space.h"
#include "schema/message.h"

/* ---- recovery ---- */

static size_t copy_records(const struct fixture *f)
{
	size_t count = 0;
	vector_for_each (&f->records, r)
		count += r->kind == RECORD_COPY;
	return count;
}

static void a_silent_zhost_is_a_problem_and_its_spaces_are_placed_again(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	fixture_hello(&f, "n2", 2, NULL, 0);
	fixture_advance(&f, 20000);
	fixture_heartbeat(&f, "n2", 2);
	fixture_advance(&f, 15000);
	check_space(&f, "id-1", "web", "deploying on n2");
	check_state(&f, "id-1", "degraded");
	/* The old copy comes back: it is told to go, also by a zrms that has restarted. */
	const struct reported held[] = {{"id-1", "web", epoch, STARTED, NULL}};
	fixture_restart(&f);
	fixture_hello(&f, "n1", 3, held, 1);
	const Samoza__V1__DesiredInstance *asked = fixture_desired(&f, 3, "web");
	assert_int_equal(asked->key->epoch, epoch);
	assert_int_equal(asked->target, SAMOZA__V1__TARGET__TARGET_NONE);
	assert_int_equal(copy_records(&f), 2);
	report(&f, 3, "id-1", "web", epoch, ABSENT);
	assert_int_equal(copy_records(&f), 1);
	check_space(&f, "id-1", "web", "deploying on n2");
	fixture_done(&f);
}

static void a_zhost_that_returns_before_is_adopted(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	fixture_advance(&f, 40000);
	check_space(&f, "id-1", "web", "not-deployed");
	check_state(&f, "id-1", "failed");
	const struct reported held[] = {{"id-1", "web", epoch, STARTED, NULL}};
	fixture_hello(&f, "n1", 2, held, 1);
	check_space(&f, "id-1", "web", "deployed-started on n1");
	check_state(&f, "id-1", "running");
	fixture_done(&f);
}

/* A retry of the zhost crosses the request to stop, and the link breaks. */
static void what_a_report_makes_zrms_want_is_ordered(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	struct reported web = {"id-1", "web", epoch, DEPLOYED, "process: killed by signal 9"};
	fixture_report(&f, 1, &web);
	check_space(&f, "id-1", "web", "starting on n1");
	assert_int_equal(fixture_goal(&f, "id-1", "web", "deployed-stopped"), 0);
	web.error = "start: exit status 1";
	fixture_report(&f, 1, &web);
	check_space(&f, "id-1", "web", "deployed-stopped on n1");
	uint64_t generation = fixture_desired(&f, 1, "web")->generation;
	web = (struct reported){"id-1", "web", epoch, STARTING, NULL};
	fixture_hello(&f, "n1", 2, &web, 1);
	check_space(&f, "id-1", "web", "starting on n1");
	const Samoza__V1__DesiredInstance *asked = fixture_desired(&f, 2, "web");
	assert_int_equal(asked->target, SAMOZA__V1__TARGET__TARGET_STARTED);
	assert_true(asked->generation > generation);
	fixture_done(&f);
}

/* Its zhost has started since, and does not know the error any longer. */
static void what_is_out_of_attempts_there_does_not_go_on(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	struct reported web = {"id-1", "web", fixture_desired(&f, 1, "web")->key->epoch, ABSENT,
			       .exhausted = true};
	check_space(&f, "id-1", "web", "deploying on n1");
	fixture_hello(&f, "n1", 2, &web, 1);
	check_space(&f, "id-1", "web", "not-deployed on n1");
	assert_int_equal(fixture_goal(&f, "id-1", "web", "deployed-started"), 0);
	report(&f, 2, "id-1", "web", web.epoch, DEPLOYED);
	check_space(&f, "id-1", "web", "starting on n1");
	web.phase = DEPLOYED;
	fixture_hello(&f, "n1", 3, &web, 1);
	check_space(&f, "id-1", "web", "deployed-stopped on n1");
	fixture_done(&f);
}

/* ---- two copies of one slot ---- */

static void an_exclusive_space_waits_for_the_copy_of_an_earlier_revision(void **state)
{
	static const char arm[] = "- {name: web, type: CALL, exclusive: true}\n";
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t old = start_one(&f, "id-1", "plant", arm);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	check_space(&f, "id-1", "web", "stopping on n1");
	fixture_submit(&f, "id-1", "plant", arm);
	uint64_t new = fixture_desired(&f, 1, "web")->key->epoch;
	report(&f, 1, "id-1", "web", new, DEPLOYED);
	check_space(&f, "id-1", "web", "deployed-stopped on n1");
	/* Also after a restart of zrms. */
	fixture_restart(&f);
	const struct reported held[] = {
		{"id-1", "web", old, SAMOZA__V1__PHASE__PHASE_STOPPING, NULL},
		{"id-1", "web", new, DEPLOYED, NULL},
	};
	fixture_hello(&f, "n1", 2, held, 2);
	check_space(&f, "id-1", "web", "deployed-stopped on n1");
	report(&f, 2, "id-1", "web", old, DEPLOYED);
	check_space(&f, "id-1", "web", "starting on n1");
	fixture_done(&f);
}

static void what_a_zhost_only_claims_to_run_holds_nothing_up(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "plant", "- {name: web, type: CALL, exclusive: true}\n");
	uint64_t epoch = fixture_desired(&f, 1, "web")->key->epoch;
	/* It was never placed there, whatever epoch it says. */
	const struct reported claimed[] = {
		{"id-1", "web", 1, SAMOZA__V1__PHASE__PHASE_STARTED, NULL},
		{"id-1", "web", epoch + 1000, SAMOZA__V1__PHASE__PHASE_STARTED, NULL},
	};
	fixture_hello(&f, "n9", 9, claimed, 2);
	const struct stored_record *record = fixture_record(&f, RECORD_ZHOST, "n9");
	Samoza__V1__ZhostRecord *z =
		samoza__v1__zhost_record__unpack(NULL, record->size, record->data);
	assert_int_equal(z->n_remains, 0);
	samoza__v1__zhost_record__free_unpacked(z, NULL);
	report(&f, 1, "id-1", "web", epoch, DEPLOYED);
	check_space(&f, "id-1", "web", "starting on n1");
	fixture_done(&f);
}

static void what_may_still_run_on_a_silent_zhost_cannot_be_removed(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	(void)start_one(&f, "id-1", "plant", "- {name: web, type: CALL, exclusive: true}\n");
	fixture_advance(&f, 31000); /* timeout 30 s, margin 2 s */
	check_space(&f, "id-1", "web", "not-deployed");
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), ERR_CONFLICT);
	fixture_advance(&f, 1000);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), 0);
	fixture_done(&f);
}

/* ---- restart ---- */

static void a_clock_that_is_set_back_makes_no_exclusion_longer(void **state)
{
	static const char once[] =
		"- {name: web, type: CALL, restart: {attempts: 0, window: 1m}}\n";
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", once);
	const struct reported gone = {.topology = "id-1",
				      .path = "web",
				      .epoch = epoch,
				      .phase = DEPLOYED,
				      .error = "process: killed by signal 9",
				      .failed_action =
					      SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS,
				      .exhausted = true};
	fixture_report(&f, 1, &gone);
	check_state(&f, "id-1", "failed");
	f.now.wall_ms -= INT64_C(24) * 60 * 60 * 1000;
	fixture_restart(&f);
	fixture_hello(&f, "n1", 2, &gone, 1);
	for (unsigned k = 0; k < 7; k++) {
		fixture_advance(&f, 9000);
		fixture_heartbeat(&f, "n1", 2);
	}
	/* The window is over: it is tried there again. */
	check_space(&f, "id-1", "web", "starting on n1");
	fixture_done(&f);
}

static void a_restart_knows_goals_places_and_epochs_again(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	fixture_submit(&f, "id-2", "bank", "- {name: a, type: CALL}\n");
	assert_int_equal(fixture_topology(&f, "id-2", TOPOLOGY_STOP), 0);
	fixture_clear_events(&f);
	fixture_restart(&f);
	check_space(&f, "id-1", "web", "deployed-started on n1");
	check_state(&f, "id-1", "running");
	check_state(&f, "id-2", "stopped");
	const struct reported held[] = {{"id-1", "web", epoch, STARTED, NULL}};
	fixture_hello(&f, "n1", 2, held, 1);
	assert_int_equal(fixture_desired(&f, 2, "web")->key->epoch, epoch);
	CLEANUP(freep) char *events = fixture_events(&f, "topology");
	assert_string_equal(events, "");
	fixture_done(&f);
}

static void a_name_that_an_earlier_version_accepted_continues(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "-x-", ONE_SPACE);
	fixture_restart(&f);
	check_space(&f, "id-1", "web", "deployed-started on n1");
	const struct reported held[] = {{"id-1", "web", epoch, STARTED, NULL}};
	fixture_hello(&f, "n1", 2, held, 1);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	check_state(&f, "id-1", "pending");
	fixture_done(&f);
}

static void a_record_that_cannot_be_read_is_refused(void **state)
{
	(void)state;
	struct control *c = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	assert_int_equal(control_load(c, (enum record_kind)99, "", 0, NULL), ERR_UNSUPPORTED);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(control_load(c, RECORD_ZHOST, "\xff", 1, &err), ERR_INVALID);
	control_free(c);
}

/* [change.handover.start-first] Nothing is left of it where it ran, and nobody else serves: its record says what it
 * exported before zrms ended. */
static void what_takes_over_after_a_restart_and_does_not_run_exports_nothing(void **state)
{
	struct fixture f;
	Samoza__V1__Rollout rollout = SAMOZA__V1__ROLLOUT__INIT;
	(void)state;
	set_up(&f);
	f.protocol = 5; /* two copies at a time */
	rollout.has_policy = true;
	rollout.policy = SAMOZA__V1__ROLLOUT_POLICY__ROLLING;
	fixture_hello(&f, "n1", 1, NULL, 0);
	f.rollout = &rollout;
	f.version = "1.0.0";
	uint64_t first = start_one(&f, "id-1", "shop",
				   "- {name: web, type: CALL, exports: {port: \"\"}}\n");
	fixture_hello(&f, "n2", 2, NULL, 0);
	f.version = "1.1.0";
	fixture_submit(&f, "id-1", "shop",
		       "- {name: web, type: CALL, exports: {port: \"\"}, "
		       "placement: {constraints: [\"zhost == n2\"]}}\n");
	struct reported next = {.topology = "id-1",
				.path = "web",
				.epoch = fixture_desired(&f, 2, "web")->key->epoch,
				.phase = DEPLOYED};
	fixture_report(&f, 2, &next);
	next.phase = STARTED;
	next.port = "80";
	fixture_report(&f, 2, &next);
	assert_int_not_equal(first, next.epoch);
	fixture_restart(&f);
	fixture_hello(&f, "n2", 3, NULL, 0);
	fixture_advance(&f, 20000);
	fixture_heartbeat(&f, "n2", 3);
	fixture_advance(&f, 15000);
	const struct control_application *a =
		application_by_id(&f.control->applications, "id-1");
	const struct copy *copy = serving_copy(a->slot_controls.items[0]);
	assert_non_null(copy);
	assert_int_equal(copy->of_slot.epoch, next.epoch);
	assert_int_not_equal(copy->sc->slot->state, STATE_DEPLOYED_STARTED);
	assert_int_equal(copy->export_count, 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_zhost_is_a_problem_and_its_spaces_are_placed_again),
		cmocka_unit_test(a_zhost_that_returns_before_is_adopted),
		cmocka_unit_test(what_a_report_makes_zrms_want_is_ordered),
		cmocka_unit_test(what_is_out_of_attempts_there_does_not_go_on),
		cmocka_unit_test(an_exclusive_space_waits_for_the_copy_of_an_earlier_revision),
		cmocka_unit_test(what_a_zhost_only_claims_to_run_holds_nothing_up),
		cmocka_unit_test(what_may_still_run_on_a_silent_zhost_cannot_be_removed),
		cmocka_unit_test(
			what_takes_over_after_a_restart_and_does_not_run_exports_nothing),
		cmocka_unit_test(a_clock_that_is_set_back_makes_no_exclusion_longer),
		cmocka_unit_test(a_restart_knows_goals_places_and_epochs_again),
		cmocka_unit_test(a_name_that_an_earlier_version_accepted_continues),
		cmocka_unit_test(a_record_that_cannot_be_read_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
