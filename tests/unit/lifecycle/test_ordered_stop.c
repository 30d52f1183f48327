/*
 * Ordered stops, without a daemon: who may stop before whom. Each case is a topology, all of it
 * started, and the order in which the rules let its instances go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "stage.h"

/* Stops end in rounds, parted by '|'. */
static void check(const char *spaces, const char *expected)
{
	struct stage stage;
	stage_set_up(&stage, spaces, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	assert_int_equal(grouped_request(&stage.slots, NULL, GROUPED_STOP_ALL, "stopped", NULL),
			 0);
	lifecycle_settle(&stage.lifecycle);
	do {
		assert_int_equal(buffer_add_string(&stage.stops, " |"), 0);
	} while (stage_round(&stage));
	vector_for_each (&stage.slots.slots, s)
		assert_int_equal((*s)->state, STATE_DEPLOYED_STOPPED);
	assert_string_equal(stage.stops.data, expected);
	stage_tear_down(&stage);
}

static void importers_stop_before_providers(void **state)
{
	(void)state;
	check("- {name: db, type: DATA}\n"
	      "- {name: api, type: CALL, imports: [{from: db}]}\n"
	      "- {name: web, type: CALL, imports: [{from: api}]}\n",
	      "web | api | db | |");
}

static void children_stop_before_parents(void **state)
{
	(void)state;
	check("- {name: host, type: DATA}\n"
	      "- {name: inner, type: CALL, inside: host}\n"
	      "- {name: leaf, type: CALL, inside: inner, count: 2}\n",
	      "host/inner/leaf-1 host/inner/leaf-2 | host/inner | host | |");
}

static void a_child_that_provides_waits_for_its_importer_though_its_parent_stops(void **state)
{
	(void)state;
	check("- {name: host, type: DATA}\n"
	      "- {name: db, type: DATA, inside: host}\n"
	      "- {name: web, type: CALL, imports: [{from: db}]}\n",
	      "web | host/db | host | |");
}

static void all_importers_stop_before_any_provider(void **state)
{
	(void)state;
	check("- {name: db, type: DATA, count: 2}\n"
	      "- {name: web, type: CALL, count: 3, imports: [{from: db}]}\n",
	      "web-1 web-2 web-3 | db-1 db-2 | |");
}

static void an_optional_import_orders_too(void **state)
{
	(void)state;
	check("- {name: cache, type: DATA}\n"
	      "- {name: web, type: CALL, imports: [{from: cache, optional: true}]}\n",
	      "web | cache | |");
}

/* b needs a; a likes to have b: the optional one gives way, so b stops first. */
static void in_a_cycle_the_optional_import_gives_way(void **state)
{
	(void)state;
	check("- {name: a, type: CALL, imports: [{from: b, optional: true}]}\n"
	      "- {name: b, type: CALL, imports: [{from: a}]}\n",
	      "b | a | |");
}

static void among_equal_constraints_the_smallest_path_gives_way(void **state)
{
	(void)state;
	check("- {name: y, type: CALL, imports: [{from: x, optional: true}]}\n"
	      "- {name: x, type: CALL, imports: [{from: y, optional: true}]}\n",
	      "x | y | |");
}

/* z hangs on the cycle but is not part of it: its own constraint is kept. */
static void what_waits_for_a_cycle_is_not_what_gives_way(void **state)
{
	(void)state;
	check("- {name: a, type: DATA}\n"
	      "- {name: m, type: CALL, imports: [{from: n, optional: true}, {from: a}]}\n"
	      "- {name: n, type: CALL, imports: [{from: m, optional: true}]}\n",
	      "m | a n | |");
}

static void peers_that_import_each_other_stop_one_by_one(void **state)
{
	(void)state;
	check("- {name: node, type: DATA, count: 3, imports: [{from: node, optional: true}]}\n",
	      "node-1 | node-2 | node-3 | |");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(importers_stop_before_providers),
		cmocka_unit_test(children_stop_before_parents),
		cmocka_unit_test(
			a_child_that_provides_waits_for_its_importer_though_its_parent_stops),
		cmocka_unit_test(all_importers_stop_before_any_provider),
		cmocka_unit_test(an_optional_import_orders_too),
		cmocka_unit_test(in_a_cycle_the_optional_import_gives_way),
		cmocka_unit_test(among_equal_constraints_the_smallest_path_gives_way),
		cmocka_unit_test(what_waits_for_a_cycle_is_not_what_gives_way),
		cmocka_unit_test(peers_that_import_each_other_stop_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
