/* The phases of a copy: the table against a list written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/agent/phase.h"

static void the_table_has_no_fault(void **state)
{
	(void)state;
	CLEANUP(freep) char *wrong = state_machine_check_table(&phase_machine);
	assert_null(wrong);
}

static void the_moves_are_those_of_the_drawing(void **state)
{
	(void)state;
	CLEANUP(freep) char *table = state_machine_markdown(&phase_machine);
	assert_string_equal(table, "| phase | next | by adoption also |\n"
				   "|---|---|---|\n"
				   "| absent | deploying | deployed, starting, started |\n"
				   "| deploying | absent, deployed |  |\n"
				   "| deployed | starting, undeploying |  |\n"
				   "| starting | deployed, started, stopping |  |\n"
				   "| started | deployed, stopping |  |\n"
				   "| stopping | deployed |  |\n"
				   "| undeploying | absent, deployed |  |\n");
}

static void a_process_may_exist_from_start_to_stop(void **state)
{
	(void)state;
	assert_false(phase_has_process(PHASE_ABSENT));
	assert_false(phase_has_process(PHASE_DEPLOYING));
	assert_false(phase_has_process(PHASE_DEPLOYED));
	assert_true(phase_has_process(PHASE_STARTING));
	assert_true(phase_has_process(PHASE_STARTED));
	assert_true(phase_has_process(PHASE_STOPPING));
	assert_false(phase_has_process(PHASE_UNDEPLOYING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_no_fault),
		cmocka_unit_test(the_moves_are_those_of_the_drawing),
		cmocka_unit_test(a_process_may_exist_from_start_to_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
