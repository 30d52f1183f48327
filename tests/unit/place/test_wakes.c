/* For each rule: a waiting request that only this rule blocks is tried again exactly when what
 * the rule wakes on changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "wake_cases.h"

static void every_rule_has_a_case_for_each_thing_that_it_wakes_on(void **state)
{
	(void)state;
	CLEANUP(freep) char *missing = wake_cases_missing(wake_cases, wake_case_count);
	if (missing != NULL)
		fail_msg("%s", missing);
}

static void each_case_is_tried_again_exactly_at_its_change(void **state)
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
		cmocka_unit_test(every_rule_has_a_case_for_each_thing_that_it_wakes_on),
		cmocka_unit_test(each_case_is_tried_again_exactly_at_its_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
