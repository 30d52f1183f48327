/* A new rule is a file and a line: the engine here has one more (quota_rule.c). Placing,
 * reasons, explanations and waiting know it, and a forgotten wake-up fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"
#include "quota_rule.h"
#include "wake_cases.h"

#define Q1	 "{name: q1, cpu: 200m, memory: 1GiB, labels: {quota: \"1\"}}"
#define Q2	 "{name: q2, cpu: 1, memory: 1GiB, labels: {quota: \"1\"}}"
#define APP(cpu) "- {name: a, type: DATA, resources: {cpu: " cpu "}}\n"

static void placement_follows_a_new_rule(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, Q1);
	(void)add_zhost(p, Q2);
	CLEANUP(freep)
	char *two = place_text(p, "two",
			       "- {name: a, type: DATA, count: 2, resources: {cpu: 100m}}\n");
	assert_string_equal(two, "no zhost satisfies quota");
	(void)add_zhost(p, "{name: q3, cpu: 1, memory: 1GiB}");
	CLEANUP(freep)
	char *three = place_text(p, "three",
				 "- {name: a, type: DATA, count: 3, resources: {cpu: 400m}}\n");
	assert_string_equal(three, "a-1=q2 a-2=q3 a-3=q3");
	place_free(p);
}

static void explanations_name_a_new_rule(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, Q2);
	CLEANUP(freep) char *first = place_text(p, "app", APP("100m"));
	assert_string_equal(first, "a=q2");
	struct app app = app_add(p, "app", APP("100m"));
	struct place_explanation e;
	place_explain(p, &(struct place_unit_request){.unit = app.units[0]}, &e);
	CLEANUP(freep) char *text = place_explanation_text(p, &e);
	assert_string_equal(text, "a has no place\n"
				  "  because no zhost satisfies quota: needed by a, none of 1 "
				  "zhost\n"
				  "  smallest change: a larger quota on q2\n"
				  "  no      q2                   quota, 1 in use\n");
	place_explanation_done(&e);
	app_done(&app);
	place_free(p);
}

/* The zhost that is left is too small for the unit that waits: that room appears there wakes
 * nothing, and only the rule can. */
static const struct wake_case quota_case = {
	"quota",
	WAKE_MEMBERS_LEFT,
	{Q1, Q2},
	"- {name: a, type: DATA, resources: {cpu: 100m}, placement: {strategy: pack}}\n",
	APP("500m"),
	NULL,
	{0},
	{STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 50m}}\n"},
	{STEP_REMOVE, NULL},
	.revision = true};

static void a_missing_case_is_found(void **state)
{
	(void)state;
	CLEANUP(freep) char *missing = wake_cases_missing(wake_cases, wake_case_count);
	assert_string_equal(missing, "rule 'quota' has no case for WAKE_MEMBERS_LEFT");
	struct wake_case *cases = mem_new_array(struct wake_case, wake_case_count + 1);
	memcpy(cases, wake_cases, wake_case_count * sizeof(*cases));
	memcpy(&cases[wake_case_count], &quota_case, sizeof(*cases));
	assert_null(wake_cases_missing(cases, wake_case_count + 1));
	free(cases);
}

static void a_forgotten_wake_up_is_found(void **state)
{
	(void)state;
	CLEANUP(freep) char *why = wake_case_run(&quota_case);
	if (why != NULL)
		fail_msg("%s", why);
	rule_quota.wakes_on = WAKE_ROOM;
	CLEANUP(freep) char *forgotten = wake_case_run(&quota_case);
	assert_string_equal(forgotten, "rule 'quota': not tried again at the change");
	rule_quota.wakes_on = 0;
	CLEANUP(freep) char *nothing = wake_cases_missing(wake_cases, wake_case_count);
	assert_string_equal(nothing, "rule 'quota' names nothing that it wakes on");
	rule_quota.wakes_on = WAKE_MEMBERS_LEFT;
}

static void the_other_rules_wake_as_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < wake_case_count; i++) {
		CLEANUP(freep) char *why = wake_case_run(&wake_cases[i]);
		if (why != NULL)
			fail_msg("case %zu: %s", i, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placement_follows_a_new_rule),
		cmocka_unit_test(explanations_name_a_new_rule),
		cmocka_unit_test(a_missing_case_is_found),
		cmocka_unit_test(a_forgotten_wake_up_is_found),
		cmocka_unit_test(the_other_rules_wake_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
