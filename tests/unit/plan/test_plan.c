/* A plan says what follows from a request, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/state.h"
#include "core/plan/plan.h"
#include "fixture.h"
#include "schema/message.h"

static void set_up(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_hello(f, "n2", 2, NULL, 0);
	fixture_submit(f, "T", "shop", "- {name: web, type: DATA}\n");
}

static int plan(struct fixture *f, const struct plan_request *request,
		const struct plan_limits *limits, Samoza__V1__PlanView **ret,
		struct error **err)
{
	Samoza__V1__Checkpoint *now = checkpoint_new(f->control, f->now);
	int r = plan_make(now, request, limits, ret, err);
	schema_message_free(&now->base);
	return r;
}

static const Samoza__V1__PlanMoveView *last_move(const Samoza__V1__PlanView *v,
						 const char *kind, const char *subject)
{
	const Samoza__V1__PlanMoveView *found = NULL;
	for (size_t k = 0; k < v->n_moves; k++)
		if (str_equal(v->moves[k]->kind, kind) &&
		    str_equal(v->moves[k]->subject, subject))
			found = v->moves[k];
	return found;
}

static void a_drain_moves_what_is_there_and_the_core_stays_as_it_is(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	(void)state;
	set_up(&f);
	CLEANUP(freep) char *at = fixture_space(&f, "T", "web");
	const char *from = strstr(at, "n1") != NULL ? "n1" : "n2";
	const char *to = strstr(at, "n1") != NULL ? "n2" : "n1";
	const struct plan_request drain = {.kind = PLAN_DRAIN, .zhost = from};
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	assert_int_equal(plan(&f, &drain, &limits, &v, &err), 0);
	CLEANUP(freep) char *after = control_digest(f.control, f.now);
	assert_string_equal(before, after);
	assert_string_equal(v->end, "completed");
	assert_true(v->changes);
	assert_int_equal(v->n_left, 0);
	const Samoza__V1__PlanMoveView *placed = last_move(v, "placement", "shop/web");
	assert_non_null(placed);
	assert_string_equal(placed->from, from);
	assert_string_equal(placed->to, to);
	assert_string_equal(last_move(v, "space", "shop/web")->to, "deployed-started");
	schema_message_free(&v->base);
	fixture_done(&f);
}

static void what_is_refused_has_no_plan(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	const struct plan_request drain = {.kind = PLAN_DRAIN, .zhost = "nowhere"};
	(void)state;
	set_up(&f);
	assert_int_equal(plan(&f, &drain, &limits, &v, &err), ERR_NOT_FOUND);
	assert_null(v);
	assert_non_null(strstr(err->message, "nowhere"));
	error_free(err);
	fixture_done(&f);
}

static void a_plan_ends_at_its_limits(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	(void)state;
	set_up(&f);
	CLEANUP(freep) char *at = fixture_space(&f, "T", "web");
	const struct plan_request drain = {.kind = PLAN_DRAIN,
					   .zhost = strstr(at, "n1") != NULL ? "n1" : "n2"};
	limits.inputs = 3;
	assert_int_equal(plan(&f, &drain, &limits, &v, &err), 0);
	assert_string_equal(v->end, "unfinished");
	schema_message_free(&v->base);
	fixture_done(&f);
}

static void ask_rebalance(struct fixture *f, const Samoza__V1__RebalanceRecord *chosen)
{
	struct control_input input = {.type = CONTROL_REBALANCE, .rebalance.chosen = chosen};
	const struct reply *reply = fixture_handle(f, &input);
	assert_non_null(reply);
	assert_int_equal(reply->code, 0);
}

static void what_a_rebalance_moves_is_chosen_on_a_copy_and_judged_at_its_turn(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__RebalanceRecord *chosen = NULL;
	const struct plan_request request = {.kind = PLAN_REBALANCE};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop", "- {name: web, type: CALL, count: 2}\n");
	fixture_hello(&f, "n2", 2, NULL, 0);
	Samoza__V1__Checkpoint *now = checkpoint_new(f.control, f.now);
	CLEANUP(freep) char *before = control_digest(f.control, f.now);
	assert_int_equal(plan_choose(now, &request, &chosen, &err), 0);
	CLEANUP(freep) char *after = control_digest(f.control, f.now);
	assert_string_equal(before, after);
	assert_int_equal(chosen->n_moves, 1);
	assert_string_equal(chosen->moves[0]->path, "web-1");
	assert_string_equal(chosen->moves[0]->to, "n2");

	/* Meanwhile its place has gone. */
	struct control_input cordon = {.type = CONTROL_ZHOST,
				       .zhost = {.name = "n2", .action = ZHOST_CORDON}};
	assert_int_equal(fixture_handle(&f, &cordon)->code, 0);
	ask_rebalance(&f, chosen);
	Samoza__V1__RebalanceView *view = control_view_rebalance(f.control);
	assert_string_equal(view->state, "done");
	assert_string_equal(view->moves[0]->state, "stays");
	samoza__v1__rebalance_view__free_unpacked(view, NULL);

	const struct plan_request refused = {
		.kind = PLAN_REBALANCE, .include = (char *[]){"shop/look"}, .include_count = 1};
	Samoza__V1__RebalanceRecord *none = NULL;
	assert_int_equal(plan_choose(now, &refused, &none, &err), ERR_NOT_FOUND);
	assert_null(none);
	error_free(err);
	schema_message_free(&chosen->base);
	schema_message_free(&now->base);
	fixture_done(&f);
}

static void a_stop_takes_no_longer_than_its_grace(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	const struct plan_request drain = {.kind = PLAN_DRAIN, .zhost = "n1"};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop",
		       "- {name: web, type: DATA, handover: stop-first, stop: {grace: 1s}}\n");
	struct reported web = {.topology = "T", .path = "web"};
	web.epoch = fixture_desired(&f, 1, "web")->key->epoch;
	web.phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	fixture_report(&f, 1, &web);
	web.phase = SAMOZA__V1__PHASE__PHASE_STARTED;
	fixture_report(&f, 1, &web);
	fixture_hello(&f, "n2", 2, NULL, 0);
	limits.times.stop_ms = INT64_C(60) * 1000;
	assert_int_equal(plan(&f, &drain, &limits, &v, &err), 0);
	assert_string_equal(v->end, "completed");
	assert_non_null(last_move(v, "space", "shop/web"));
	assert_true(v->virtual_ms < 30000);
	schema_message_free(&v->base);
	fixture_done(&f);
}

/* What has handed over goes when every zhost knows the new routes: not only when that could be no longer waited for. */
static void a_handover_ends_when_its_routes_are_known(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	const struct plan_request drain = {.kind = PLAN_DRAIN, .zhost = "n1"};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop", "- {name: web, type: CALL}\n");
	struct reported web = {.topology = "T", .path = "web"};
	web.epoch = fixture_desired(&f, 1, "web")->key->epoch;
	web.phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	fixture_report(&f, 1, &web);
	web.phase = SAMOZA__V1__PHASE__PHASE_STARTED;
	fixture_report(&f, 1, &web);
	fixture_hello(&f, "n2", 2, NULL, 0);
	assert_int_equal(plan(&f, &drain, &limits, &v, &err), 0);
	assert_string_equal(v->end, "completed");
	assert_non_null(last_move(v, "placement", "shop/web"));
	assert_true(v->virtual_ms < 15000); /* half of the failure timeout */
	schema_message_free(&v->base);
	fixture_done(&f);
}

static const struct control_application *shop(const struct fixture *f)
{
	return application_by_id(&f->control->applications, "T");
}

/* These run in 1.0.0 on the one zhost; the last one has started first. */
static void run_all(struct fixture *f, const char *spaces)
{
	fixture_init(f);
	fixture_start(f);
	f->protocol = 5; /* two copies at a time */
	fixture_hello(f, "n1", 1, NULL, 0);
	f->version = "1.0.0";
	fixture_submit(f, "T", "shop", spaces);
	const Samoza__V1__Phase phases[] = {SAMOZA__V1__PHASE__PHASE_DEPLOYED,
					    SAMOZA__V1__PHASE__PHASE_STARTED};
	for (size_t k = 0; k < ARRAY_SIZE(phases); k++)
		for (size_t n = shop(f)->slots.slots.count; n-- > 0;) {
			struct slot *s = shop(f)->slots.slots.items[n];
			const struct copy *copy = serving_copy(control_of_slot(s));
			const struct reported r = {"T", copy_path(copy), copy->of_slot.epoch,
						   phases[k], NULL};
			fixture_report(f, 1, &r);
		}
}

/* 1.1.0 of them, in which the last `count` spaces need another amount of cpu; the caller frees. */
static Samoza__V1__RevisionRecord *changed(const struct fixture *f, const char *cpu,
					   size_t count, Samoza__V1__RolloutPolicy policy)
{
	Samoza__V1__RevisionRecord *next = (Samoza__V1__RevisionRecord *)schema_message_copy(
		&shop(f)->application.served->record->base);
	free(next->version);
	next->version = mem_strdup("1.1.0");
	for (size_t k = next->topology->n_spaces - count; k < next->topology->n_spaces; k++) {
		free(next->topology->spaces[k]->resources->cpu);
		next->topology->spaces[k]->resources->cpu = mem_strdup(cpu);
	}
	next->rollout =
		(Samoza__V1__Rollout *)schema_message_new(&samoza__v1__rollout__descriptor);
	next->rollout->has_policy = true;
	next->rollout->policy = policy;
	return next;
}

static void a_plan_of_a_canary_says_what_its_last_promotion_stops(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	(void)state;
	run_all(&f, "- {name: web, type: CALL, imports: [{from: db}]}\n"
		    "- {name: api, type: CALL, resources: {cpu: 50m}}\n"
		    "- {name: db, type: DATA, resources: {cpu: 50m}, handover: stop-first}\n");
	Samoza__V1__RevisionRecord *next =
		changed(&f, "60m", 2, SAMOZA__V1__ROLLOUT_POLICY__CANARY);
	const struct plan_request request = {.kind = PLAN_SUBMIT, .record = next};
	assert_int_equal(plan(&f, &request, &limits, &v, &err), 0);
	assert_string_equal(v->end, "waiting");
	assert_int_equal(v->n_spaces, 3);
	assert_string_equal(v->spaces[1]->effect, "stays available");
	assert_int_equal(v->spaces[1]->gaps, 0);
	assert_string_equal(v->spaces[2]->verdict, "replaced");
	assert_string_equal(v->spaces[2]->effect,
			    "changes at the last promotion: one stop and start");
	assert_int_equal(v->spaces[2]->gaps, 1);
	assert_string_equal(v->spaces[0]->verdict, "unchanged");
	assert_string_equal(v->spaces[0]->effect,
			    "stays available; at the last promotion: one stop and start");
	assert_null(last_move(v, "space", "shop/db"));
	schema_message_free(&v->base);
	schema_message_free(&next->base);
	fixture_done(&f);
}

/* The step of the first move of that kind; 0: there is none. */
static uint32_t step_of(const Samoza__V1__PlanView *v, const char *kind, const char *subject)
{
	for (size_t k = 0; k < v->n_moves; k++)
		if (str_equal(v->moves[k]->kind, kind) &&
		    str_equal(v->moves[k]->subject, subject))
			return v->moves[k]->step;
	return 0;
}

static void a_rolling_plan_shows_the_order_and_the_batches(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	static const char *const last_of[] = {"shop/db", "shop/api-2", "shop/api-4"};
	static const char *const first_of[] = {"shop/api-1", "shop/api-3", "shop/api-5"};
	(void)state;
	run_all(&f, "- {name: api, type: CALL, count: 5, resources: {cpu: 50m}, imports: "
		    "[{from: db}]}\n"
		    "- {name: db, type: CALL, resources: {cpu: 50m}}\n");
	Samoza__V1__RevisionRecord *next =
		changed(&f, "60m", 2, SAMOZA__V1__ROLLOUT_POLICY__ROLLING);
	next->rollout->batch = mem_strdup("2");
	const struct plan_request request = {.kind = PLAN_SUBMIT, .record = next};
	assert_int_equal(plan(&f, &request, &limits, &v, &err), 0);
	assert_string_equal(v->end, "completed");
	assert_string_equal(v->policy, "rolling");
	for (size_t k = 0; k < v->n_spaces; k++)
		assert_string_equal(v->spaces[k]->effect, "stays available");
	/* The provider first; the next batch begins when the one before has taken over. */
	for (size_t k = 0; k < ARRAY_SIZE(last_of); k++) {
		uint32_t switched = step_of(v, "placement", last_of[k]);
		assert_int_not_equal(switched, 0);
		assert_true(step_of(v, "copy", first_of[k]) > switched);
	}
	assert_int_equal(step_of(v, "copy", "shop/api-1"), step_of(v, "copy", "shop/api-2"));
	assert_int_equal(step_of(v, "copy", "shop/api-3"), step_of(v, "copy", "shop/api-4"));
	schema_message_free(&v->base);
	schema_message_free(&next->base);
	fixture_done(&f);
}

static void a_plan_says_for_what_room_a_successor_waits(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	(void)state;
	run_all(&f, "- {name: api, type: CALL, resources: {cpu: 2500m}}\n");
	Samoza__V1__RevisionRecord *next =
		changed(&f, "2600m", 1, SAMOZA__V1__ROLLOUT_POLICY__ROLLING);
	const struct plan_request request = {.kind = PLAN_SUBMIT, .record = next};
	assert_int_equal(plan(&f, &request, &limits, &v, &err), 0);
	assert_string_equal(v->end, "waiting");
	assert_int_equal(v->n_left, 1);
	assert_string_equal(v->left[0]->name, "shop/api");
	CLEANUP(freep) char *effect = str_printf("waits for room on n1: %s", v->left[0]->why);
	assert_string_equal(v->spaces[0]->effect, effect);
	assert_non_null(strstr(effect, "n1"));
	assert_non_null(strstr(effect, "cpu"));
	schema_message_free(&v->base);
	schema_message_free(&next->base);
	fixture_done(&f);
}

/* [change.handover.stop-first] */
static void a_plan_says_that_what_keeps_its_data_does_not_leave(void **state)
{
	struct fixture f;
	struct error *err = NULL;
	Samoza__V1__PlanView *v = NULL;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	(void)state;
	run_all(&f, "- {name: db, type: DATA, storage: local, resources: {cpu: 3}}\n");
	fixture_hello(&f, "n2", 2, NULL, 0);
	Samoza__V1__RevisionRecord *next =
		changed(&f, "3", 1, SAMOZA__V1__ROLLOUT_POLICY__ROLLING);
	Samoza__V1__Placement *placement =
		(Samoza__V1__Placement *)schema_message_new(&samoza__v1__placement__descriptor);
	placement->constraints = mem_new_array(char *, 1);
	placement->constraints[placement->n_constraints++] = mem_strdup("zhost == n2");
	next->topology->spaces[0]->placement = placement;
	const struct plan_request request = {.kind = PLAN_SUBMIT, .record = next};
	assert_int_equal(plan(&f, &request, &limits, &v, &err), 0);
	assert_string_equal(v->end, "waiting");
	assert_non_null(strstr(v->spaces[0]->effect, "waits for a place: no zhost satisfies"));
	assert_non_null(strstr(v->detail, "db waits for a place: no zhost satisfies"));
	assert_null(last_move(v, "copy", "shop/db"));
	assert_null(last_move(v, "space", "shop/db"));
	schema_message_free(&v->base);
	schema_message_free(&next->base);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_moves_what_is_there_and_the_core_stays_as_it_is),
		cmocka_unit_test(what_is_refused_has_no_plan),
		cmocka_unit_test(a_plan_ends_at_its_limits),
		cmocka_unit_test(a_stop_takes_no_longer_than_its_grace),
		cmocka_unit_test(a_handover_ends_when_its_routes_are_known),
		cmocka_unit_test(a_plan_of_a_canary_says_what_its_last_promotion_stops),
		cmocka_unit_test(a_rolling_plan_shows_the_order_and_the_batches),
		cmocka_unit_test(a_plan_says_for_what_room_a_successor_waits),
		cmocka_unit_test(a_plan_says_that_what_keeps_its_data_does_not_leave),
		cmocka_unit_test(
			what_a_rebalance_moves_is_chosen_on_a_copy_and_judged_at_its_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
