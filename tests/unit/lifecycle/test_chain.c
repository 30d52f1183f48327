/*
 * The cost of a change is proportional to what depends on it: counted in moves, not in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "stage.h"

#define LENGTH 10000

/* s0, s1 imports s0, s2 imports s1, and so on: the caller frees. */
static char *chain(unsigned length)
{
	struct buffer b = BUFFER_INIT(4 * 1024 * 1024);
	int r = buffer_add_string(&b, "- {name: s0, type: CALL}\n");
	for (unsigned n = 1; n < length; n++)
		r |= buffer_printf(&b, "- {name: s%u, type: CALL, imports: [{from: s%u}]}\n", n,
				   n - 1);
	assert_int_equal(r, 0);
	return buffer_steal(&b);
}

static void a_chain_starts_in_as_many_moves_as_it_is_long(void **state)
{
	(void)state;
	struct stage stage;
	CLEANUP(freep) char *spaces = chain(LENGTH);
	stage_set_up(&stage, spaces, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STOPPED);
	for (uint32_t k = 0; k < LENGTH; k++)
		lifecycle_push(stage.slots.slots.items[k]);
	lifecycle_settle(&stage.lifecycle);
	/* Each step: one start ends, and the next slot starts. */
	for (uint32_t k = 0; k < LENGTH; k++) {
		struct slot *s = stage.slots.slots.items[k];
		assert_int_equal(s->state, STATE_STARTING);
		slot_move(s, STATE_DEPLOYED_STARTED, false, "started");
		lifecycle_settle(&stage.lifecycle);
	}
	/* all but the first were unresolved in between: starting, started, unresolved */
	assert_int_equal(stage.moves, 3 * LENGTH - 1);
	stage_tear_down(&stage);
}

static void a_chain_unwinds_in_as_many_moves_as_it_is_long(void **state)
{
	(void)state;
	struct stage stage;
	CLEANUP(freep) char *spaces = chain(LENGTH);
	stage_set_up(&stage, spaces, GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	goal_request(stage.slots.slots.items[0], GOAL_DEPLOYED_STOPPED, "stopped");
	/* The whole chain leaves deployed-started at once: no provider waits for importers. */
	lifecycle_settle(&stage.lifecycle);
	for (uint32_t k = 0; k < LENGTH; k++)
		assert_int_equal(stage.slots.slots.items[k]->state, STATE_STOPPING);
	assert_int_equal(stage.moves, LENGTH);
	stage_run(&stage);
	assert_int_equal(stage.slots.slots.items[0]->state, STATE_DEPLOYED_STOPPED);
	for (uint32_t k = 1; k < LENGTH; k++)
		assert_int_equal(stage.slots.slots.items[k]->state, STATE_UNRESOLVED);
	assert_int_equal(stage.moves, 2 * LENGTH);
	stage_tear_down(&stage);
}

static void a_change_does_not_reach_what_does_not_depend_on_it(void **state)
{
	(void)state;
	struct stage stage;
	stage_set_up(&stage,
		     "- {name: db, type: DATA, count: 2}\n"
		     "- {name: web, type: CALL, count: 500, imports: [{from: db}]}\n"
		     "- {name: other, type: CALL, count: 500}\n",
		     GOAL_DEPLOYED_STARTED, STATE_DEPLOYED_STARTED);
	goal_request(stage_slot(&stage, "db-1"), GOAL_DEPLOYED_STOPPED, "stopped");
	stage_run(&stage);
	/* db-2 remains: every web stays started, and its space is updated once. */
	assert_int_equal(stage.moves, 2);
	assert_int_equal(stage.updates, 1);
	assert_int_equal(stage_slot(&stage, "web-1")->state, STATE_DEPLOYED_STARTED);
	stage_tear_down(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_starts_in_as_many_moves_as_it_is_long),
		cmocka_unit_test(a_chain_unwinds_in_as_many_moves_as_it_is_long),
		cmocka_unit_test(a_change_does_not_reach_what_does_not_depend_on_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
