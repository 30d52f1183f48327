/*
 * State machines as tables: moves, adoption, the invariant, and what ends the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/state_machine.h"
#include "dies.h"

/*
 *   (new) ──► closed ◄──► open       a door found open: closed ──► locked by adoption
 *               │ ▲
 *               ▼ │
 *             locked ──► removed ──► (end)
 */
enum __attribute__((packed)) door_state { DOOR_CLOSED, DOOR_OPEN, DOOR_LOCKED, DOOR_REMOVED };
#define DOOR_HAS_KEY STATE_MACHINE_OWN_FLAG

struct door {
	const char *name;
	enum door_state state;
	bool has_lock;
	unsigned moves, last_from, last_to;
};

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct door *door = object;
	snprintf(ret_name, size, "%s", door->name);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct door *door = object;
	if (from == DOOR_LOCKED && to == DOOR_LOCKED)
		return "is locked twice";
	return door->state == DOOR_LOCKED && !door->has_lock ? "is locked without a lock"
							     : NULL;
}

static void on_move(void *object, unsigned from, unsigned to)
{
	struct door *door = object;
	door->moves++;
	door->last_from = from;
	door->last_to = to;
}

#define TO(state) STATE_MACHINE_BIT(DOOR_##state)
static const struct state_machine_state states[] = {
	[DOOR_CLOSED] = {"closed", TO(OPEN), TO(LOCKED), STATE_MACHINE_INITIAL},
	[DOOR_OPEN] = {"open", TO(CLOSED) | TO(OPEN)},
	[DOOR_LOCKED] = {"locked", TO(CLOSED) | TO(REMOVED) | TO(LOCKED), 0, DOOR_HAS_KEY},
	[DOOR_REMOVED] = {"removed", .flags = STATE_MACHINE_FINAL},
};
static const struct state_machine_type machine = {
	.name = "door",
	.states = states,
	.count = ARRAY_SIZE(states),
	.describe = describe,
	.invariant = invariant,
	.on_move = on_move,
};

static struct door new_door(void)
{
	struct door door = {.name = "front", .has_lock = true};
	state_machine_begin(&machine, &door, &door.state, DOOR_CLOSED);
	return door;
}

/* ---- moves ---- */

static void an_object_costs_one_byte(void **state)
{
	(void)state;
	assert_int_equal(sizeof(enum door_state), 1);
}

static void a_move_changes_the_state_and_is_recorded(void **state)
{
	(void)state;
	struct door door = new_door();
	assert_int_equal(door.moves, 1);
	state_machine_move(&machine, &door, &door.state, DOOR_OPEN);
	assert_int_equal(door.state, DOOR_OPEN);
	assert_int_equal(door.moves, 2);
	assert_int_equal(door.last_from, DOOR_CLOSED);
	assert_int_equal(door.last_to, DOOR_OPEN);
}

static void a_move_to_the_same_state_needs_its_bit(void **state)
{
	(void)state;
	struct door door = new_door();
	assert_false(state_machine_may_move(&machine, DOOR_CLOSED, DOOR_CLOSED));
	state_machine_move(&machine, &door, &door.state, DOOR_OPEN);
	state_machine_move(&machine, &door, &door.state, DOOR_OPEN);
	assert_int_equal(door.moves, 3);
}

static void adoption_allows_its_moves_and_the_ordinary_ones(void **state)
{
	(void)state;
	struct door door = new_door();
	assert_false(state_machine_may_move(&machine, DOOR_CLOSED, DOOR_LOCKED));
	assert_true(state_machine_may_adopt(&machine, DOOR_CLOSED, DOOR_LOCKED));
	assert_true(state_machine_may_adopt(&machine, DOOR_CLOSED, DOOR_OPEN));
	state_machine_adopt(&machine, &door, &door.state, DOOR_LOCKED);
	assert_int_equal(door.state, DOOR_LOCKED);
	state_machine_adopt(&machine, &door, &door.state, DOOR_CLOSED);
	assert_int_equal(door.state, DOOR_CLOSED);
}

static void states_are_found_by_name(void **state)
{
	(void)state;
	unsigned found = 99;
	assert_int_equal(state_machine_parse(&machine, "locked", &found), 0);
	assert_int_equal(found, DOOR_LOCKED);
	assert_int_equal(state_machine_parse(&machine, "ajar", &found), -1);
	assert_int_equal(state_machine_parse(&machine, NULL, &found), -1);
	assert_int_equal(found, DOOR_LOCKED);
	assert_string_equal(state_machine_state_name(&machine, DOOR_OPEN), "open");
	assert_true(state_machine_has_flag(&machine, DOOR_LOCKED, DOOR_HAS_KEY));
	assert_false(state_machine_has_flag(&machine, DOOR_OPEN, DOOR_HAS_KEY));
}

/* ---- mistakes end the program ---- */

static void move_without_bit(void)
{
	struct door door = new_door();
	state_machine_move(&machine, &door, &door.state, DOOR_REMOVED);
}

static void move_only_adoption_may_make(void)
{
	struct door door = new_door();
	state_machine_move(&machine, &door, &door.state, DOOR_LOCKED);
}

static void adopt_without_bit(void)
{
	struct door door = new_door();
	state_machine_adopt(&machine, &door, &door.state, DOOR_REMOVED);
}

static void move_from_garbage(void)
{
	struct door door = new_door();
	door.state = (enum door_state)200;
	state_machine_move(&machine, &door, &door.state, DOOR_OPEN);
}

static void move_to_garbage(void)
{
	struct door door = new_door();
	state_machine_move(&machine, &door, &door.state, 40);
}

static void begin_in_the_middle(void)
{
	struct door door = {.name = "front"};
	state_machine_begin(&machine, &door, &door.state, DOOR_OPEN);
}

static void break_invariant_by_move(void)
{
	struct door door = new_door();
	state_machine_adopt(&machine, &door, &door.state, DOOR_LOCKED);
	state_machine_move(&machine, &door, &door.state, DOOR_LOCKED);
}

static void break_invariant_by_state(void)
{
	struct door door = new_door();
	door.has_lock = false;
	state_machine_adopt(&machine, &door, &door.state, DOOR_LOCKED);
}

static void break_invariant_between_moves(void)
{
	struct door door = new_door();
	state_machine_adopt(&machine, &door, &door.state, DOOR_LOCKED);
	door.has_lock = false;
	state_machine_check(&machine, &door, door.state);
}

static void a_move_that_the_table_forbids_aborts(void **state)
{
	(void)state;
	expect_abort(move_without_bit,
		     "door front: closed -> removed: the table does not allow this move");
	expect_abort(move_only_adoption_may_make,
		     "door front: closed -> locked: the table does not allow this move");
	expect_abort(adopt_without_bit,
		     "door front: closed -> removed: the table does not allow this move by "
		     "adoption");
	expect_abort(move_from_garbage, "door front: 200 -> open: the table does not allow");
	expect_abort(move_to_garbage, "door front: closed -> 40: the table does not allow");
	expect_abort(begin_in_the_middle, "door front: open -> open: is not an initial state");
}

static void a_broken_invariant_aborts(void **state)
{
	(void)state;
	expect_abort(break_invariant_by_move, "door front: locked -> locked: is locked twice");
	expect_abort(break_invariant_by_state,
		     "door front: closed -> locked: is locked without a lock");
	expect_abort(break_invariant_between_moves,
		     "door front: locked -> locked: is locked twice");
}

/* ---- the table ---- */

static void count_move(void *user, unsigned from, unsigned to, bool is_adopt)
{
	unsigned *counts = user;
	counts[is_adopt ? 1 : 0]++;
	assert_true(from < DOOR_REMOVED && to <= DOOR_REMOVED);
}

static void every_move_of_the_table_is_enumerated(void **state)
{
	(void)state;
	unsigned counts[2] = {0};
	state_machine_for_each_move(&machine, count_move, counts);
	assert_int_equal(counts[0], 6);
	assert_int_equal(counts[1], 1);
}

static void check_table(const struct state_machine_state *table, unsigned count,
			const char *expected)
{
	struct state_machine_type type = {.name = "t", .states = table, .count = count};
	CLEANUP(freep) char *wrong = state_machine_check_table(&type);
	if (expected == NULL)
		assert_null(wrong);
	else
		assert_string_equal(wrong, expected);
}

static void a_faulty_table_is_described(void **state)
{
	(void)state;
	check_table(states, ARRAY_SIZE(states), NULL);
	check_table(states, 0, "t: 0 states; expected 1 to 32");
	check_table((const struct state_machine_state[]){{.next = 1}}, 1,
		    "t: state 0 has no name");
	check_table((const struct state_machine_state[]){{"a", 2}, {"a", 1}}, 2,
		    "t: two states are named a");
	check_table((const struct state_machine_state[]){{"a", 4}, {"b", 1}}, 2,
		    "t: a moves to a state that does not exist");
	check_table((const struct state_machine_state[]){{"a", 2, 2}, {"b", 1}}, 2,
		    "t: a move of a is in both columns");
	check_table((const struct state_machine_state[]){{"a", 2}, {"b", 1, 0, 2}}, 2,
		    "t: b is final, but has next states");
	check_table((const struct state_machine_state[]){{"a", 2}, {"b", 2}}, 2,
		    "t: b is never left, but is not final");
	check_table((const struct state_machine_state[]){{"a", 2, 0, 1}, {"b", 1}, {"c", 1}}, 3,
		    "t: no move leads to c");
}

static void the_table_is_printed_for_documents(void **state)
{
	(void)state;
	CLEANUP(freep) char *text = state_machine_markdown(&machine);
	assert_string_equal(text, "| door | next | by adoption also |\n"
				  "|---|---|---|\n"
				  "| closed | open | locked |\n"
				  "| open | closed, open |  |\n"
				  "| locked | closed, locked, removed |  |\n"
				  "| removed |  |  |\n");
	static const struct state_machine_state two[] = {{"a", 2}, {"b", 1}};
	struct state_machine_type type = {.name = "t", .states = two, .count = 2};
	CLEANUP(freep) char *plain = state_machine_markdown(&type);
	assert_string_equal(plain, "| t | next |\n|---|---|\n| a | b |\n| b | a |\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_costs_one_byte),
		cmocka_unit_test(a_move_changes_the_state_and_is_recorded),
		cmocka_unit_test(a_move_to_the_same_state_needs_its_bit),
		cmocka_unit_test(adoption_allows_its_moves_and_the_ordinary_ones),
		cmocka_unit_test(states_are_found_by_name),
		cmocka_unit_test(a_move_that_the_table_forbids_aborts),
		cmocka_unit_test(a_broken_invariant_aborts),
		cmocka_unit_test(every_move_of_the_table_is_enumerated),
		cmocka_unit_test(a_faulty_table_is_described),
		cmocka_unit_test(the_table_is_printed_for_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
