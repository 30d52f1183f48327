/*
 * State machines as tables. Every state machine of ours is declared with this helper: one
 * constant table, one invariant, one gate. The helper allocates nothing and keeps nothing; an
 * object pays one byte, its state.
 *
 *     enum __attribute__((packed)) door_state { DOOR_CLOSED, DOOR_OPEN, DOOR_REMOVED };
 *
 *     #define TO(state) STATE_MACHINE_BIT(DOOR_##state)
 *     static const struct state_machine_state door_states[] = {
 *             [DOOR_CLOSED] = {"closed", TO(OPEN) | TO(REMOVED), 0, STATE_MACHINE_INITIAL},
 *             [DOOR_OPEN] = {"open", TO(CLOSED)},
 *             [DOOR_REMOVED] = {"removed", 0, 0, STATE_MACHINE_FINAL},
 *     };
 *     const struct state_machine_type door_machine = {
 *             .name = "door", .states = door_states, .count = ARRAY_SIZE(door_states),
 *             .describe = door_describe, .invariant = door_invariant,
 *     };
 *
 *     static void door_enter(struct door *door, enum door_state to)    // the gate
 *     {
 *             state_machine_move(&door_machine, door, &door->state, to);
 *     }
 *
 * Rules:
 * - One function of the machine calls state_machine_move(): its gate. It does what belongs to
 *   every move (record, report, event). Nothing else writes the state.
 * - The caller sets the other fields of the object first. The invariant then sees the object as
 *   it is after the move. It runs at every move, in release builds too.
 * - A move that the table does not list, or a broken invariant, is our own mistake: the program
 *   ends with one line that names the machine, the object and the move.
 * - `adopt` lists moves that take over a state found outside (a record, a process that lived
 *   on, another program's report). Only state_machine_adopt() may make them.
 * - A move to the same state is a move like any other: it needs its bit in the table.
 *
 * The drawing stands above the enum in the header of the machine, and shows each move of the
 * table once:
 *
 *      name ────► name      a move; the condition or action stands on the line
 *      name ◄───► name      moves both ways
 *      (new) ───► name      the state of a new object: STATE_MACHINE_INITIAL
 *      name ────► (end)     the object ends there: STATE_MACHINE_FINAL
 *
 * Moves from nearly every state (a loss, adoption) are one sentence below the drawing.
 * state_machine_check_table() and state_machine_markdown() serve tests: the first finds states
 * that cannot be reached or left, the second prints the table that a document shows.
 */
#ifndef SAMOZA_BASE_STATE_MACHINE_H
#define SAMOZA_BASE_STATE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of states is one bit for each. */
#define STATE_MACHINE_BIT(state) (UINT32_C(1) << (state))
#define STATE_MACHINE_MAX	 32

enum {
	STATE_MACHINE_INITIAL = 1 << 0, /* a new object may be in it */
	STATE_MACHINE_FINAL = 1 << 1,	/* it is never left */
	STATE_MACHINE_OWN_FLAG = 1 << 8 /* this and higher bits belong to the machine */
};

struct state_machine_state {
	const char *name; /* unique in its machine */
	uint32_t next;	  /* set of states that may follow */
	uint32_t adopt;	  /* and these, by state_machine_adopt() */
	unsigned flags;
};

struct state_machine_type {
	const char *name;
	const struct state_machine_state *states;
	unsigned count;
	/* The object's name in messages: writes at most `size` bytes with the NUL. May be NULL.
	 */
	void (*describe)(const void *object, char *ret_name, size_t size);
	/* NULL, or what does not hold, as a sentence about the object. `from` equals `to` when
	 * an object begins. May be NULL. */
	const char *(*invariant)(const void *object, unsigned from, unsigned to);
	/* After each move, once it is checked. May be NULL. */
	void (*on_move)(void *object, unsigned from, unsigned to);
};

/* The first state of a new object. PRE: it is flagged initial. */
void state_machine_begin(const struct state_machine_type *type, void *object, uint8_t *state,
			 unsigned first);
/* Moves `*state`, the state field of `object`, to `to`. Aborts if the table forbids it. */
void state_machine_move(const struct state_machine_type *type, void *object, uint8_t *state,
			unsigned to);
/* The same; moves of the column `adopt` are allowed as well. */
void state_machine_adopt(const struct state_machine_type *type, void *object, uint8_t *state,
			 unsigned to);
/* Runs the invariant alone, for objects whose other fields change without a move. */
void state_machine_check(const struct state_machine_type *type, const void *object,
			 uint8_t state);

/* For decisions that depend on it. */
bool state_machine_may_move(const struct state_machine_type *type, unsigned from, unsigned to);
bool state_machine_may_adopt(const struct state_machine_type *type, unsigned from, unsigned to);
bool state_machine_has_flag(const struct state_machine_type *type, unsigned state,
			    unsigned flag);
/* PRE: the type has the state. */
const char *state_machine_state_name(const struct state_machine_type *type, unsigned state);
/* 0, or -1 where no state has the name. */
int state_machine_parse(const struct state_machine_type *type, const char *name,
			unsigned *ret_state);

/* Calls `on_move` for each move of the table, by `from`, then by `to`; `is_adopt`: only by
 * state_machine_adopt(). */
void state_machine_for_each_move(const struct state_machine_type *type,
				 void (*on_move)(void *user, unsigned from, unsigned to,
						 bool is_adopt),
				 void *user);
/* NULL, or what is wrong with the table. The caller frees. For the machine's unit test. */
char *state_machine_check_table(const struct state_machine_type *type);
/* The table as Markdown; the column for adoption is left out where it is empty. The caller
 * frees. */
char *state_machine_markdown(const struct state_machine_type *type);

#endif
