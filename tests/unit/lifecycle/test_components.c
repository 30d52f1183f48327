/* Strongly connected components. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/lifecycle/components.h"

enum { NODES = 7 };

static const struct arc arcs[] = {{0, 1}, {1, 2}, {2, 1}, {2, 3}, {3, 3},
				  {4, 5}, {5, 6}, {6, 4}, {6, 1}};

static void nodes_of_a_circle_are_one_component(void **state)
{
	(void)state;
	uint32_t component[NODES];
	uint32_t count = components_find(NODES, arcs, ARRAY_SIZE(arcs), component);
	assert_int_equal(count, 4);
	assert_int_equal(component[1], component[2]);
	assert_int_equal(component[4], component[5]);
	assert_int_equal(component[4], component[6]);
	assert_int_not_equal(component[0], component[1]);
	assert_int_not_equal(component[1], component[3]);
	assert_int_not_equal(component[1], component[4]);
}

static void a_chain_has_no_circle_however_long_it_is(void **state)
{
	(void)state;
	enum { LONG = 200000 };
	CLEANUP(freep) struct arc *chain = mem_new_array(struct arc, LONG);
	CLEANUP(freep) uint32_t *component = mem_new_array(uint32_t, LONG);
	for (uint32_t k = 0; k + 1 < LONG; k++)
		chain[k] = (struct arc){k, k + 1};
	assert_int_equal(components_find(LONG, chain, LONG - 1, component), LONG);
	chain[LONG - 1] = (struct arc){LONG - 1, 0};
	assert_int_equal(components_find(LONG, chain, LONG, component), 1);
}

static void there_may_be_nothing(void **state)
{
	(void)state;
	uint32_t component[1];
	assert_int_equal(components_find(0, NULL, 0, component), 0);
	assert_int_equal(components_find(1, NULL, 0, component), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_of_a_circle_are_one_component),
		cmocka_unit_test(a_chain_has_no_circle_however_long_it_is),
		cmocka_unit_test(there_may_be_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
