/* The table of rollouts, and the order in which a rolling one changes spaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/application/rollout.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"

static struct rollout advancing(bool has_base, bool pauses)
{
	struct rollout r = {.has_base = has_base, .spec.pauses = pauses};
	rollout_begin(&r);
	return r;
}

static void fails_to(bool has_base, bool pauses, enum rollout_state expected)
{
	const struct rollout r = advancing(has_base, pauses);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.failed = true}), expected);
	/* A failure counts, even where everything would be complete. */
	assert_int_equal(
		rollout_next(&r, &(struct rollout_facts){.failed = true, .complete = true}),
		expected);
}

static void a_failure_leads_back_or_pauses(void **state)
{
	fails_to(true, false, ROLLOUT_RETURNING);
	fails_to(true, true, ROLLOUT_PAUSED);
	fails_to(false, false, ROLLOUT_PAUSED);
}

static void a_return_does_not_fail(void **state)
{
	struct rollout r = advancing(true, false);
	rollout_enter(&r, ROLLOUT_RETURNING, false);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.failed = true}),
			 ROLLOUT_RETURNING);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.complete = true}),
			 ROLLOUT_RETURNING);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.returned = true}),
			 ROLLOUT_RETURNED);
}

static void what_is_paused_waits_for_people(void **state)
{
	struct rollout r = advancing(true, true);
	enum rollout_state to;
	rollout_enter(&r, ROLLOUT_PAUSED, false);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.complete = true}),
			 ROLLOUT_PAUSED);
	assert_int_equal(rollout_command(&r, ROLLOUT_PROMOTE, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_ADVANCING);
	assert_int_equal(rollout_command(&r, ROLLOUT_RESUME, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_ADVANCING);
	assert_int_equal(rollout_command(&r, ROLLOUT_ABORT, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_RETURNING);
	assert_int_equal(rollout_command(&r, ROLLOUT_PAUSE, &to, NULL), ERR_CONFLICT);
	r.has_base = false;
	assert_int_equal(rollout_command(&r, ROLLOUT_ABORT, &to, NULL), ERR_CONFLICT);
}

static void what_is_under_way_is_paused_or_aborted(void **state)
{
	const struct rollout r = advancing(true, true);
	enum rollout_state to;
	assert_int_equal(rollout_command(&r, ROLLOUT_PROMOTE, &to, NULL), ERR_CONFLICT);
	assert_int_equal(rollout_command(&r, ROLLOUT_RESUME, &to, NULL), ERR_CONFLICT);
	assert_int_equal(rollout_command(&r, ROLLOUT_PAUSE, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_PAUSED);
	assert_int_equal(rollout_command(&r, ROLLOUT_ABORT, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_RETURNING);
}

/* ---- steps ---- */

static struct rollout canary(void)
{
	struct rollout r = {
		.has_base = true,
		.spec = {.policy = ROLLOUT_CANARY, .steps = {10, 50}, .step_count = 2}};
	rollout_begin(&r);
	return r;
}

static void a_canary_waits_after_each_step_but_not_behind_the_last(void **state)
{
	struct rollout r = canary();
	const struct rollout_facts done = {.step_done = true};
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){0}), ROLLOUT_ADVANCING);
	for (uint32_t step = 0; step < 2; step++) {
		assert_int_equal(r.step, step);
		assert_int_equal(rollout_next(&r, &done), ROLLOUT_WAITING);
		rollout_enter(&r, ROLLOUT_WAITING, false);
		assert_int_equal(rollout_next(&r, &done), ROLLOUT_WAITING);
		rollout_enter(&r, ROLLOUT_ADVANCING, true);
	}
	assert_false(rollout_is_in_steps(&r));
	assert_int_equal(rollout_next(&r, &done), ROLLOUT_ADVANCING);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){.complete = true}),
			 ROLLOUT_COMPLETED);
}

static void what_waits_goes_on_by_time_or_when_it_is_disturbed(void **state)
{
	struct rollout r = canary();
	rollout_enter(&r, ROLLOUT_WAITING, false);
	assert_int_equal(
		rollout_next(&r, &(struct rollout_facts){.step_done = true, .due = true}),
		ROLLOUT_ADVANCING);
	assert_int_equal(rollout_next(&r, &(struct rollout_facts){0}), ROLLOUT_ADVANCING);
	assert_int_equal(
		rollout_next(&r, &(struct rollout_facts){.failed = true, .step_done = true}),
		ROLLOUT_RETURNING);
	r.spec.pauses = true;
	assert_int_equal(
		rollout_next(&r, &(struct rollout_facts){.failed = true, .step_done = true}),
		ROLLOUT_PAUSED);
}

static void only_what_waits_is_promoted(void **state)
{
	struct rollout r = canary();
	enum rollout_state to;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(rollout_command(&r, ROLLOUT_PROMOTE, &to, &err), ERR_CONFLICT);
	assert_non_null(strstr(err->message, "wait until its step is done"));
	rollout_enter(&r, ROLLOUT_WAITING, false);
	assert_int_equal(rollout_command(&r, ROLLOUT_RESUME, &to, NULL), ERR_CONFLICT);
	assert_int_equal(rollout_command(&r, ROLLOUT_PROMOTE, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_ADVANCING);
	assert_int_equal(rollout_command(&r, ROLLOUT_PAUSE, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_PAUSED);
	assert_int_equal(rollout_command(&r, ROLLOUT_ABORT, &to, NULL), 0);
	assert_int_equal(to, ROLLOUT_RETURNING);
}

/* ---- order ---- */

static void check_order(const char *spaces, size_t count, const uint32_t *expected)
{
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: t}\nspaces:\n%s",
				spaces);
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(topology_unrefp) struct topology *t = NULL;
	ProtobufCMessage *message = NULL;
	assert_int_equal(schema_read_yaml(&samoza__v1__topology__descriptor, "t", text,
					  strlen(text), 0, &findings, &message, NULL, NULL),
			 0);
	assert_int_equal(
		topology_compile((Samoza__V1__Topology *)message, NULL, NULL, NULL, &t, NULL),
		0);
	uint32_t places[8] = {0};
	assert_int_equal(t->space_count, count);
	rollout_order(t, places);
	for (size_t k = 0; k < count; k++)
		assert_int_equal(places[k], expected[k]);
	schema_message_free(message);
}

static void providers_change_before_importers(void **state)
{
	check_order("- {name: web, type: CALL, imports: [{from: api}]}\n"
		    "- {name: api, type: CALL, imports: [{from: db}]}\n"
		    "- {name: db, type: DATA}\n"
		    "- {name: log, type: CALL}\n",
		    4, (uint32_t[]){3, 2, 0, 1});
}

static void what_is_inside_counts_for_its_root(void **state)
{
	check_order("- {name: app, type: CALL}\n"
		    "- {name: part, type: CALL, inside: app, imports: [{from: db}]}\n"
		    "- {name: db, type: DATA}\n",
		    3, (uint32_t[]){1, 1, 0});
}

static void a_cycle_begins_with_its_smallest_name(void **state)
{
	check_order("- {name: b, type: CALL, imports: [{from: a, optional: true}]}\n"
		    "- {name: a, type: CALL, imports: [{from: b, optional: true}]}\n"
		    "- {name: z, type: CALL}\n",
		    3, (uint32_t[]){2, 1, 0});
}

/* ---- what the manifest says ---- */

static void a_batch_is_a_number_or_a_share_and_never_none(void **state)
{
	struct rollout_spec spec;
	Samoza__V1__Rollout in = SAMOZA__V1__ROLLOUT__INIT;
	assert_int_equal(rollout_spec_read(NULL, &spec, NULL), 0);
	assert_int_equal(rollout_spec_batch(&spec, 7), 1);
	assert_int_equal(spec.healthy_for_ms, 5000);
	assert_int_equal(spec.healthy_within_ms, 300000);
	in.batch = (char *)"25%";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), 0);
	assert_int_equal(rollout_spec_batch(&spec, 5), 2);
	assert_int_equal(rollout_spec_batch(&spec, 1), 1);
	in.batch = (char *)"9";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), 0);
	assert_int_equal(rollout_spec_batch(&spec, 3), 3);
	in.batch = (char *)"101%";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), ERR_INVALID);
}

static void within_must_be_longer_than_for(void **state)
{
	struct rollout_spec spec;
	Samoza__V1__RolloutHealthy healthy = SAMOZA__V1__ROLLOUT_HEALTHY__INIT;
	Samoza__V1__Rollout in = SAMOZA__V1__ROLLOUT__INIT;
	in.healthy = &healthy;
	healthy.for_ = (char *)"10s";
	healthy.within = (char *)"10s";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), ERR_INVALID);
	healthy.within = (char *)"11s";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), 0);
}

static void refused(const Samoza__V1__Rollout *in, const char *words)
{
	struct rollout_spec spec;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(rollout_spec_read(in, &spec, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, words));
}

static void the_steps_of_a_canary_grow_from_1_to_100_per_cent(void **state)
{
	struct rollout_spec spec;
	char *steps[ROLLOUT_STEPS_MAX + 1] = {(char *)"10%", (char *)"50%"};
	Samoza__V1__RolloutCanary canary = SAMOZA__V1__ROLLOUT_CANARY__INIT;
	Samoza__V1__Rollout in = SAMOZA__V1__ROLLOUT__INIT;
	in.policy = SAMOZA__V1__ROLLOUT_POLICY__CANARY;
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), 0);
	assert_int_equal(spec.policy, ROLLOUT_CANARY);
	assert_int_equal(spec.step_count, 2);
	assert_int_equal(spec.steps[1], 50);
	assert_false(spec.promotes);
	assert_int_equal(rollout_spec_share(&spec, 0, 1), 1);
	assert_int_equal(rollout_spec_share(&spec, 0, 12), 2);
	assert_int_equal(rollout_spec_share(&spec, 1, 3), 2);
	assert_int_equal(rollout_spec_share(&spec, 2, 3), 3);
	in.canary = &canary;
	canary.steps = steps;
	canary.n_steps = 1;
	canary.pause = (char *)"10m";
	assert_int_equal(rollout_spec_read(&in, &spec, NULL), 0);
	assert_int_equal(spec.step_count, 1);
	assert_true(spec.promotes);
	assert_int_equal(spec.promote_after_ms, 600000);
	steps[0] = (char *)"0%";
	refused(&in, "'0%': expected a percentage from 1% to 100%");
	steps[0] = (char *)"101%";
	refused(&in, "'101%': expected a percentage from 1% to 100%");
	steps[0] = (char *)"50%";
	canary.n_steps = 2;
	refused(&in, "'50%' follows '50%'; expected shares that grow");
	for (unsigned k = 0; k <= ROLLOUT_STEPS_MAX; k++)
		steps[k] = (char *)"1%";
	canary.n_steps = ROLLOUT_STEPS_MAX + 1;
	refused(&in, "expected at most 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_leads_back_or_pauses),
		cmocka_unit_test(a_return_does_not_fail),
		cmocka_unit_test(what_is_paused_waits_for_people),
		cmocka_unit_test(what_is_under_way_is_paused_or_aborted),
		cmocka_unit_test(a_canary_waits_after_each_step_but_not_behind_the_last),
		cmocka_unit_test(what_waits_goes_on_by_time_or_when_it_is_disturbed),
		cmocka_unit_test(only_what_waits_is_promoted),
		cmocka_unit_test(the_steps_of_a_canary_grow_from_1_to_100_per_cent),
		cmocka_unit_test(providers_change_before_importers),
		cmocka_unit_test(what_is_inside_counts_for_its_root),
		cmocka_unit_test(a_cycle_begins_with_its_smallest_name),
		cmocka_unit_test(a_batch_is_a_number_or_a_share_and_never_none),
		cmocka_unit_test(within_must_be_longer_than_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
