/* The states of an instance: the table against a list written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/lifecycle/slot.h"

static void the_table_has_no_fault(void **state)
{
	(void)state;
	CLEANUP(freep) char *wrong = state_machine_check_table(&slot_machine);
	assert_null(wrong);
}

static void the_moves_are_those_of_the_drawing(void **state)
{
	(void)state;
	CLEANUP(freep) char *table = state_machine_markdown(&slot_machine);
	assert_string_equal(
		table,
		"| instance | next | by adoption also |\n"
		"|---|---|---|\n"
		"| not-deployed | deploying | deployed-stopped, unresolved, "
		"waiting-for-ancestor, starting, deployed-started, stopping, undeploying |\n"
		"| deploying | not-deployed, deployed-stopped | starting, deployed-started, "
		"stopping |\n"
		"| deployed-stopped | not-deployed, unresolved, waiting-for-ancestor, "
		"starting, "
		"undeploying | deployed-started, stopping |\n"
		"| unresolved | not-deployed, deployed-stopped, waiting-for-ancestor, starting "
		"| "
		"deployed-started, stopping |\n"
		"| waiting-for-ancestor | not-deployed, deployed-stopped, unresolved, starting "
		"| "
		"deployed-started, stopping |\n"
		"| starting | not-deployed, deployed-stopped, deployed-started | stopping |\n"
		"| deployed-started | not-deployed, deployed-stopped, stopping | starting |\n"
		"| stopping | not-deployed, deployed-stopped, unresolved, waiting-for-ancestor "
		"| "
		"starting, deployed-started |\n"
		"| undeploying | not-deployed, deployed-stopped | starting, deployed-started, "
		"stopping |\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_no_fault),
		cmocka_unit_test(the_moves_are_those_of_the_drawing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
