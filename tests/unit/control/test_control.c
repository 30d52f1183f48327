/*
 * What zrms decides, at the level of control_handle(): requests, names, reports, orders.
 */
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

/* ---- requests ---- */

static void a_submitted_space_is_placed_deployed_and_started(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	check_state(&f, "id-1", "pending");
	check_space(&f, "id-1", "web", "deploying on n1");
	const Samoza__V1__DesiredInstance *d = fixture_desired(&f, 1, "web");
	assert_int_equal(d->target, SAMOZA__V1__TARGET__TARGET_DEPLOYED);
	assert_non_null(d->spec);
	uint64_t epoch = d->key->epoch;
	report(&f, 1, "id-1", "web", epoch, DEPLOYED);
	d = fixture_desired(&f, 1, "web");
	assert_int_equal(d->target, SAMOZA__V1__TARGET__TARGET_STARTED);
	assert_null(d->spec); /* it has it already */
	report(&f, 1, "id-1", "web", epoch, STARTED);
	check_space(&f, "id-1", "web", "deployed-started on n1");
	check_state(&f, "id-1", "running");
	CLEANUP(freep) char *events = fixture_events(&f, "space");
	assert_string_equal(events, "shop/web: not-deployed -> deploying\n"
				    "shop/web: deploying -> deployed-stopped\n"
				    "shop/web: deployed-stopped -> starting\n"
				    "shop/web: starting -> deployed-started\n");
	fixture_done(&f);
}

static void without_start_nothing_is_placed(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	assert_int_equal(fixture_try_submit(&f, "id-1", "shop", ONE_SPACE, false), 0);
	check_state(&f, "id-1", "pending");
	check_space(&f, "id-1", "web", "not-deployed");
	fixture_done(&f);
}

static void a_name_is_taken_until_its_topology_is_stopped(void **state)
{
	struct fixture f;
	const char *id = NULL;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	assert_int_equal(fixture_try_submit(&f, "id-2", "shop", ONE_SPACE, true), ERR_CONFLICT);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	/* A further submission makes a revision of the application: its id stays. */
	assert_int_equal(fixture_try_submit(&f, "id-2", "shop", ONE_SPACE, true), 0);
	assert_int_equal(control_resolve(f.control, NULL, "shop", &id, NULL), 0);
	assert_string_equal(id, "id-1");
	assert_int_equal(control_resolve(f.control, NULL, "id-2", &id, NULL), ERR_NOT_FOUND);
	check_state(&f, "id-1", "pending");
	fixture_done(&f);
}

static void an_ambiguous_prefix_of_an_id_is_refused(void **state)
{
	struct fixture f;
	const char *id = NULL;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1a", "shop", ONE_SPACE);
	assert_int_equal(control_resolve(f.control, NULL, "id-1", &id, NULL), 0);
	assert_int_equal(control_resolve(f.control, NULL, "id-", &id, NULL), ERR_NOT_FOUND);
	fixture_submit(&f, "id-1b", "bank", ONE_SPACE);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(control_resolve(f.control, NULL, "id-1", &id, &err), ERR_CONFLICT);
	assert_string_equal(err->message,
			    "ambiguous id 'id-1' matches at least id-1a (shop) and "
			    "id-1b (bank); use a longer prefix");
	fixture_done(&f);
}

static void what_is_unknown_is_refused(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	assert_int_equal(fixture_topology(&f, "id-9", TOPOLOGY_STOP), ERR_NOT_FOUND);
	assert_int_equal(fixture_goal(&f, "id-1", "no-such-space", "not-deployed"),
			 ERR_NOT_FOUND);
	assert_int_equal(fixture_goal(&f, "id-1", "web", "starting"), ERR_INVALID);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), ERR_CONFLICT);
	fixture_done(&f);
}

static void a_removed_topology_leaves_no_record(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	report(&f, 1, "id-1", "web", epoch, DEPLOYED);
	report(&f, 1, "id-1", "web", epoch, ABSENT);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_REMOVE), 0);
	vector_for_each (&f.records, r)
		assert_true(r->kind == RECORD_META || r->kind == RECORD_ZHOST);
	fixture_done(&f);
}

/* ---- reports and orders ---- */

static void a_report_of_an_older_epoch_is_ignored(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	report(&f, 1, "id-1", "web", epoch - 1, ABSENT);
	check_space(&f, "id-1", "web", "deployed-started on n1");
	report(&f, 1, "id-1", "web", epoch, ABSENT);
	check_space(&f, "id-1", "web", "deploying on n1");
	fixture_done(&f);
}

static void a_zhost_that_joins_gets_the_whole_set(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "id-1", "shop", ONE_SPACE);
	const struct reported held[] = {{"id-1", "web", epoch, STARTED, NULL}};
	fixture_clear_events(&f);
	fixture_hello(&f, "n1", 2, held, 1);
	const Samoza__V1__Desired *set = (const Samoza__V1__Desired *)fixture_message(
		&f, 2, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED);
	assert_true(set->full);
	assert_int_equal(set->n_instances, 1);
	assert_non_null(set->instances[0]->spec);
	CLEANUP(freep) char *events = fixture_events(&f, "space");
	assert_string_equal(events, "");
	fixture_done(&f);
}

/* ---- zhosts that were removed ---- */

static void only_the_zhosts_removed_last_are_remembered(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	for (uint64_t k = 0; k <= REMOVED_ZHOSTS_KEPT; k++) {
		CLEANUP(freep) char *name = str_printf("removed-%d", (int)k);
		fixture_hello(&f, name, 1000 + k, NULL, 0);
		struct control_input input = {.type = CONTROL_ZHOST,
					      .zhost = {.name = name, .action = ZHOST_REMOVE}};
		assert_int_equal(fixture_handle(&f, &input)->code, 0);
		f.now.wall_ms++;
	}
	assert_null(fixture_record(&f, RECORD_ZHOST, "removed-0"));
	assert_non_null(fixture_record(&f, RECORD_ZHOST, "removed-1"));
	fixture_restart(&f);
	fixture_hello(&f, "removed-0", 10, NULL, 0);
	assert_non_null(fixture_record(&f, RECORD_ZHOST, "removed-0"));
	fixture_done(&f);
}

static int remove_zhost(struct fixture *f, const char *name)
{
	struct control_input input = {.type = CONTROL_ZHOST,
				      .zhost = {.name = name, .action = ZHOST_REMOVE}};
	int code = fixture_handle(f, &input)->code;
	f->now.wall_ms++;
	return code;
}

/* The tick that finds it silent, and the request, in one batch. */
static void a_zhost_is_removed_in_the_batch_that_sees_its_silence(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	const struct control_zhost *z = zhost_find(&f.control->zhosts, "n1");
	for (unsigned ticks = 0; z->state != ZHOST_PROBLEM; ticks++) {
		assert_in_range(ticks, 0, 1000);
		fixture_flush(&f);
		f.now.mono_ms += 100;
		f.now.wall_ms += 100;
		fixture_take(&f, &(struct control_input){.type = CONTROL_TICK});
	}
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	fixture_done(&f);
}

/* One that held copies and knows their routes is removed, and its record is given up for later ones: no
 * application leads to it any more, and its routes are sent on without it. */
static void a_forgotten_zhost_has_no_routes(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "id-1", "shop", ONE_SPACE);
	const struct control_application *a =
		application_by_id(&f.control->applications, "id-1");
	uint64_t epoch = fixture_desired(&f, 1, "web")->key->epoch;
	assert_int_equal(a->routes.subscribers.count, 1);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), 0);
	report(&f, 1, "id-1", "web", epoch, DEPLOYED);
	report(&f, 1, "id-1", "web", epoch, ABSENT);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	for (uint64_t k = 0; k < REMOVED_ZHOSTS_KEPT; k++) {
		CLEANUP(freep) char *name = str_printf("removed-%d", (int)k);
		assert_int_equal(a->routes.subscribers.count, 1);
		fixture_hello(&f, name, 1000 + k, NULL, 0);
		assert_int_equal(remove_zhost(&f, name), 0);
	}
	assert_null(fixture_record(&f, RECORD_ZHOST, "n1"));
	assert_int_equal(a->routes.subscribers.count, 0);
	fixture_hello(&f, "n2", 2, NULL, 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_START), 0);
	assert_int_equal(a->routes.subscribers.count, 1);
	assert_int_equal(a->routes.by_zhost.count, 1);
	fixture_done(&f);
}

/* ---- zhosts by position ---- */

static void positions_are_found_by_the_index_of_a_zhost(void **state)
{
	enum { COUNT = 1000, STEP = 4096 }; /* as far apart as the ones of a large cluster */
	struct zhost_positions p = {0};
	(void)state;
	for (uint32_t k = 0; k < COUNT; k++) {
		assert_true(zhost_positions_find(&p, k * STEP) == ZHOST_POSITION_NONE);
		zhost_positions_add(&p, k * STEP, k);
	}
	for (uint32_t k = 0; k < COUNT; k++) {
		assert_int_equal(zhost_positions_find(&p, k * STEP), k);
		assert_true(zhost_positions_find(&p, k * STEP + 1) == ZHOST_POSITION_NONE);
	}
	assert_in_range(p.place_count, 2 * COUNT, 4 * COUNT); /* and not COUNT * STEP */
	zhost_positions_clear(&p);
	assert_true(zhost_positions_find(&p, 0) == ZHOST_POSITION_NONE);
}

/* ---- state machines ---- */

static void the_tables_have_no_fault(void **state)
{
	static const struct state_machine_type *const machines[] = {&topology_machine,
								    &zhost_machine};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(machines); k++) {
		CLEANUP(freep) char *wrong = state_machine_check_table(machines[k]);
		assert_null(wrong);
	}
	CLEANUP(freep) char *topology = state_machine_markdown(&topology_machine);
	assert_string_equal(topology, "| topology | next |\n"
				      "|---|---|\n"
				      "| pending | running, degraded, stopped, failed |\n"
				      "| running | degraded, stopped, failed |\n"
				      "| degraded | running, stopped, failed |\n"
				      "| stopped | pending, running, failed |\n"
				      "| failed | pending, degraded, stopped |\n");
}

static void check_why(const struct fixture *f, const char *id, const char *path,
		      const char *expected)
{
	Samoza__V1__SpaceView *view = NULL;
	assert_int_equal(control_view_space(f->control, id, path, &view, NULL), 0);
	assert_string_equal(view->why, expected);
	schema_message_free(view);
}

static void a_space_that_waits_for_the_place_of_another_says_so(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_submit(&f, "a", "shop",
		       "- {name: web, type: CALL}\n"
		       "- {name: eye, type: IO, capabilities: [sensors.camera]}\n"
		       "- {name: lens, type: CALL, inside: eye}\n");
	for (int restarts = 0; restarts < 2; restarts++) {
		check_why(&f, "a", "web", "web waits for eye: a topology is placed as a whole");
		check_why(&f, "a", "eye", "eye has no place");
		fixture_restart(&f);
		fixture_hello(&f, "n1", 2, NULL, 0);
	}
	fixture_done(&f);
}

static void a_failed_topology_whose_zhost_returns_says_that_it_is_back(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	uint64_t epoch = start_one(&f, "a", "shop", ONE_SPACE);
	fixture_advance(&f, 120000);
	check_state(&f, "a", "failed");
	fixture_clear_events(&f);
	fixture_hello(&f, "n1", 2, &(struct reported){"a", "web", epoch, STARTED, NULL, 0}, 1);
	check_state(&f, "a", "running");
	bool seen = false;
	vector_for_each (&f.events, e) {
		assert_null(strstr((*e)->cause, "0 of"));
		seen = seen || strcmp((*e)->cause, "all lost spaces are running again") == 0;
	}
	assert_true(seen);
	fixture_done(&f);
}

/* Spaces "s0", "s1" and so on, started on n1; then so many of them start once more. */
static void lose_some(struct fixture *f, unsigned lost, unsigned all)
{
	static const char *const paths[] = {"s0", "s1", "s2", "s3", "s4"};
	struct reported reported[ARRAY_SIZE(paths)] = {0};
	CLEANUP(freep) char *spaces = mem_strdup("");
	PRE(all <= ARRAY_SIZE(paths));
	for (unsigned k = 0; k < all; k++) {
		char *more = str_printf("%s- {name: %s, type: CALL}\n", spaces, paths[k]);
		free(spaces);
		spaces = more;
	}
	fixture_submit(f, "a", "shop", spaces);
	for (unsigned k = 0; k < all; k++)
		reported[k] = (struct reported){"a", paths[k],
						fixture_desired(f, 1, paths[k])->key->epoch};
	for (unsigned k = 0; k < all; k++) {
		report(f, 1, "a", paths[k], reported[k].epoch, DEPLOYED);
		report(f, 1, "a", paths[k], reported[k].epoch, STARTED);
		reported[k].phase = k < lost ? STARTING : STARTED;
	}
	check_state(f, "a", "running");
	fixture_clear_events(f);
	fixture_hello(f, "n1", 2, reported, all);
}

static void a_degraded_topology_counts_what_is_not_running(void **state)
{
	static const struct {
		unsigned lost, all;
		const char *cause;
	} cases[] = {
		{1, 1, "1 of 1 space is not running"},
		{1, 2, "1 of 2 spaces is not running"},
		{2, 2, "2 of 2 spaces are not running"},
		{2, 5, "2 of 5 spaces are not running"},
		{5, 5, "5 of 5 spaces are not running"},
	};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct fixture f;
		const char *cause = NULL;
		set_up(&f);
		lose_some(&f, cases[k].lost, cases[k].all);
		vector_for_each (&f.events, e)
			if (strcmp((*e)->kind, "topology") == 0)
				cause = (*e)->cause;
		assert_non_null(cause);
		assert_string_equal(cause, cases[k].cause);
		fixture_done(&f);
	}
}

static int request_zhost(struct fixture *f, const char *name, enum zhost_action action)
{
	struct control_input input = {.type = CONTROL_ZHOST, .request = 1};
	input.zhost.name = name;
	input.zhost.action = action;
	return fixture_handle(f, &input)->code;
}

/* "FROM -> TO CAUSE @TOPOLOGY" of the events of zhosts, one per line; the caller frees. */
static char *zhost_history(const struct fixture *f)
{
	char *all = mem_strdup("");
	vector_for_each (&f->events, e) {
		if (strcmp((*e)->kind, "zhost") != 0)
			continue;
		char *more = str_printf("%s%s %s -> %s %s @%s\n", all, (*e)->subject,
					(*e)->from, (*e)->to, (*e)->cause,
					(*e)->topology != NULL ? (*e)->topology : "");
		free(all);
		all = more;
	}
	return all;
}

static void what_happens_to_a_zhost_is_told_to_its_topologies(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	fixture_hello(&f, "n2", 2, NULL, 0);
	fixture_submit(&f, "a", "shop", "- {name: web, type: CALL, count: 4}\n");
	fixture_clear_events(&f);
	assert_int_equal(request_zhost(&f, "n1", ZHOST_CORDON), 0);
	assert_int_equal(request_zhost(&f, "n1", ZHOST_CORDON), 0); /* nothing new */
	assert_int_equal(request_zhost(&f, "n1", ZHOST_UNCORDON), 0);
	fixture_hello(&f, "n3", 3, NULL, 0);
	CLEANUP(freep) char *seen = zhost_history(&f);
	assert_string_equal(
		seen, "n1 deployed-started -> deployed-started cordoned by operator @\n"
		      "n1 deployed-started -> deployed-started cordoned by operator @a\n"
		      "n1 deployed-started -> deployed-started uncordoned by operator @\n"
		      "n1 deployed-started -> deployed-started uncordoned by operator @a\n"
		      "n3 not-deployed -> deployed-started joined @\n");
	fixture_done(&f);
}

/* A site alone starts it again; that it had used up its attempts is heard with it. */
static void what_runs_has_not_failed_whatever_its_attempts(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "0123456789abcdef", "site", "- {name: pump, type: CALL}\n");
	struct reported pump = {"0123456789abcdef", "pump",
				fixture_desired(&f, 1, "pump")->key->epoch,
				SAMOZA__V1__PHASE__PHASE_DEPLOYED, NULL};
	fixture_report(&f, 1, &pump);
	pump.phase = SAMOZA__V1__PHASE__PHASE_STARTED;
	fixture_report(&f, 1, &pump);
	pump.exhausted = true;
	pump.failures = 1;
	fixture_hello(&f, "n1", 2, &pump, 1);
	CLEANUP(freep) char *running = fixture_topology_state(&f, "0123456789abcdef");
	assert_string_equal(running, "running");
	pump.phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	pump.error = "process: killed by signal 9";
	fixture_report(&f, 2, &pump);
	CLEANUP(freep) char *failed = fixture_topology_state(&f, "0123456789abcdef");
	assert_string_equal(failed, "failed");
	fixture_done(&f);
}

/* [change.counts.each] The last of the others has gone: what its drain takes then is not started before, though what it has
 * waited for comes in the same batch. */
static void
what_a_drain_takes_is_not_started_in_the_batch_in_which_the_others_have_gone(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop",
		       "- {name: agent, type: CALL, count: each}\n"
		       "- {name: cache, type: CALL, inside: agent}\n"
		       "- {name: web, type: CALL}\n");
	struct reported said[] = {{.topology = "T", .path = "web"},
				  {.topology = "T", .path = "agent@n1"},
				  {.topology = "T", .path = "agent@n1/cache"}};
	said[0].epoch = fixture_desired(&f, 1, "web")->key->epoch;
	said[1].epoch = fixture_desired(&f, 1, "agent@n1")->key->epoch;
	said[0].phase = said[1].phase = said[2].phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	fixture_report_all(&f, 1, said, 2);
	said[2].epoch = fixture_desired(&f, 1, "agent@n1/cache")->key->epoch;
	fixture_report(&f, 1, &said[2]);
	assert_int_equal(fixture_goal(&f, "T", "web", "not-deployed"), 0);
	said[0].phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	fixture_report(&f, 1, &said[0]);
	struct control_input drain = {.type = CONTROL_ZHOST,
				      .zhost = {.name = "n1", .action = ZHOST_DRAIN}};
	assert_int_equal(fixture_handle(&f, &drain)->code, 0);
	CLEANUP(freep) char *before = fixture_events(&f, "space");
	assert_null(strstr(before, "agent@n1/cache: waiting-for-ancestor -> starting"));
	assert_null(strstr(before, "agent@n1: deployed-started -> "));
	said[0].phase = SAMOZA__V1__PHASE__PHASE_ABSENT;
	said[1].phase = SAMOZA__V1__PHASE__PHASE_STARTED;
	fixture_report_all(&f, 1, said, 2);
	CLEANUP(freep) char *events = fixture_events(&f, "space");
	assert_non_null(strstr(events, "web: undeploying -> not-deployed"));
	assert_non_null(strstr(events, "agent@n1: deployed-started -> stopping"));
	assert_null(strstr(events, "agent@n1/cache: waiting-for-ancestor -> starting"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_happens_to_a_zhost_is_told_to_its_topologies),
		cmocka_unit_test(a_space_that_waits_for_the_place_of_another_says_so),
		cmocka_unit_test(a_failed_topology_whose_zhost_returns_says_that_it_is_back),
		cmocka_unit_test(a_degraded_topology_counts_what_is_not_running),
		cmocka_unit_test(a_submitted_space_is_placed_deployed_and_started),
		cmocka_unit_test(without_start_nothing_is_placed),
		cmocka_unit_test(a_name_is_taken_until_its_topology_is_stopped),
		cmocka_unit_test(an_ambiguous_prefix_of_an_id_is_refused),
		cmocka_unit_test(what_is_unknown_is_refused),
		cmocka_unit_test(a_removed_topology_leaves_no_record),
		cmocka_unit_test(only_the_zhosts_removed_last_are_remembered),
		cmocka_unit_test(a_zhost_is_removed_in_the_batch_that_sees_its_silence),
		cmocka_unit_test(a_forgotten_zhost_has_no_routes),
		cmocka_unit_test(positions_are_found_by_the_index_of_a_zhost),
		cmocka_unit_test(a_report_of_an_older_epoch_is_ignored),
		cmocka_unit_test(a_zhost_that_joins_gets_the_whole_set),
		cmocka_unit_test(what_runs_has_not_failed_whatever_its_attempts),
		cmocka_unit_test(the_tables_have_no_fault),
		cmocka_unit_test(
			what_a_drain_takes_is_not_started_in_the_batch_in_which_the_others_have_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
