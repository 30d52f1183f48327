#include "base/state_machine.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define MARKDOWN_MAX_BYTES (64 * 1024)

/* ---- moves ---- */

static const char *name_or_number(const struct state_machine_type *type, unsigned state,
				  char *number, size_t size)
{
	if (state < type->count && type->states[state].name != NULL)
		return type->states[state].name;
	snprintf(number, size, "%u", state);
	return number;
}

__attribute__((noreturn, cold)) static void fail(const struct state_machine_type *type,
						 const void *object, unsigned from, unsigned to,
						 const char *why)
{
	char name[128] = "?", numbers[2][16];
	if (type->describe != NULL)
		type->describe(object, name, sizeof(name));
	CLEANUP(freep)
	char *text = str_printf("%s %s: %s -> %s: %s", type->name, name,
				name_or_number(type, from, numbers[0], sizeof(numbers[0])),
				name_or_number(type, to, numbers[1], sizeof(numbers[1])), why);
	IMPOSSIBLE(text);
}

static bool is_state(const struct state_machine_type *type, unsigned state)
{
	return state < type->count;
}

static void finish_move(const struct state_machine_type *type, void *object, uint8_t *state,
			unsigned from, unsigned to)
{
	*state = (uint8_t)to;
	const char *broken = type->invariant != NULL ? type->invariant(object, from, to) : NULL;
	if (__builtin_expect(broken != NULL, 0))
		fail(type, object, from, to, broken);
	if (type->on_move != NULL)
		type->on_move(object, from, to);
}

void state_machine_begin(const struct state_machine_type *type, void *object, uint8_t *state,
			 unsigned first)
{
	if (!is_state(type, first) ||
	    !state_machine_has_flag(type, first, STATE_MACHINE_INITIAL))
		fail(type, object, first, first, "is not an initial state");
	finish_move(type, object, state, first, first);
}

void state_machine_move(const struct state_machine_type *type, void *object, uint8_t *state,
			unsigned to)
{
	unsigned from = *state;
	if (__builtin_expect(!state_machine_may_move(type, from, to), 0))
		fail(type, object, from, to, "the table does not allow this move");
	finish_move(type, object, state, from, to);
}

void state_machine_adopt(const struct state_machine_type *type, void *object, uint8_t *state,
			 unsigned to)
{
	unsigned from = *state;
	if (__builtin_expect(!state_machine_may_adopt(type, from, to), 0))
		fail(type, object, from, to, "the table does not allow this move by adoption");
	finish_move(type, object, state, from, to);
}

void state_machine_check(const struct state_machine_type *type, const void *object,
			 uint8_t state)
{
	const char *broken =
		type->invariant != NULL ? type->invariant(object, state, state) : NULL;
	if (__builtin_expect(broken != NULL, 0))
		fail(type, object, state, state, broken);
}

/* ---- questions ---- */

bool state_machine_may_move(const struct state_machine_type *type, unsigned from, unsigned to)
{
	return is_state(type, from) && is_state(type, to) &&
	       (type->states[from].next & STATE_MACHINE_BIT(to)) != 0;
}

bool state_machine_may_adopt(const struct state_machine_type *type, unsigned from, unsigned to)
{
	return is_state(type, from) && is_state(type, to) &&
	       ((type->states[from].next | type->states[from].adopt) & STATE_MACHINE_BIT(to)) !=
		       0;
}

bool state_machine_has_flag(const struct state_machine_type *type, unsigned state,
			    unsigned flag)
{
	PRE(is_state(type, state));
	return (type->states[state].flags & flag) != 0;
}

const char *state_machine_state_name(const struct state_machine_type *type, unsigned state)
{
	PRE(is_state(type, state));
	return type->states[state].name;
}

int state_machine_parse(const struct state_machine_type *type, const char *name,
			unsigned *ret_state)
{
	for (unsigned s = 0; name != NULL && s < type->count; s++) {
		if (str_equal(name, type->states[s].name)) {
			*ret_state = s;
			return 0;
		}
	}
	return -1;
}

/* ---- the table, for tests and documents ---- */

void state_machine_for_each_move(const struct state_machine_type *type,
				 void (*on_move)(void *user, unsigned from, unsigned to,
						 bool is_adopt),
				 void *user)
{
	for (unsigned from = 0; from < type->count; from++)
		for (unsigned to = 0; to < type->count; to++)
			if (state_machine_may_adopt(type, from, to))
				on_move(user, from, to,
					!state_machine_may_move(type, from, to));
}

/* The states that a chain of moves reaches from `states`, and `states` themselves. */
static uint32_t reach(const struct state_machine_type *type, uint32_t states)
{
	for (bool grows = true; grows;) {
		uint32_t before = states;
		for (unsigned s = 0; s < type->count; s++)
			if ((states & STATE_MACHINE_BIT(s)) != 0)
				states |= type->states[s].next | type->states[s].adopt;
		grows = states != before;
	}
	return states;
}

static char *check_state(const struct state_machine_type *type, unsigned state)
{
	const struct state_machine_state *s = &type->states[state];
	unsigned same = 0;
	if (str_is_empty(s->name))
		return str_printf("%s: state %u has no name", type->name, state);
	(void)state_machine_parse(type, s->name, &same);
	if (same != state)
		return str_printf("%s: two states are named %s", type->name, s->name);
	uint32_t moves = s->next | s->adopt;
	if (type->count < STATE_MACHINE_MAX && moves >> type->count != 0)
		return str_printf("%s: %s moves to a state that does not exist", type->name,
				  s->name);
	if ((s->next & s->adopt) != 0)
		return str_printf("%s: a move of %s is in both columns", type->name, s->name);
	bool is_left = (moves & ~STATE_MACHINE_BIT(state)) != 0;
	if ((s->flags & STATE_MACHINE_FINAL) != 0 && is_left)
		return str_printf("%s: %s is final, but has next states", type->name, s->name);
	if ((s->flags & STATE_MACHINE_FINAL) == 0 && !is_left)
		return str_printf("%s: %s is never left, but is not final", type->name,
				  s->name);
	return NULL;
}

char *state_machine_check_table(const struct state_machine_type *type)
{
	if (type->count == 0 || type->count > STATE_MACHINE_MAX)
		return str_printf("%s: %u states; expected 1 to %d", type->name, type->count,
				  STATE_MACHINE_MAX);
	uint32_t reached = 0;
	for (unsigned s = 0; s < type->count; s++) {
		char *wrong = check_state(type, s);
		if (wrong != NULL)
			return wrong;
		if (state_machine_has_flag(type, s, STATE_MACHINE_INITIAL))
			reached |= STATE_MACHINE_BIT(s);
	}
	reached = reach(type, reached);
	for (unsigned s = 0; s < type->count; s++)
		if ((reached & STATE_MACHINE_BIT(s)) == 0)
			return str_printf("%s: no move leads to %s", type->name,
					  type->states[s].name);
	return NULL;
}

static void print_set(struct buffer *out, const struct state_machine_type *type,
		      uint32_t states)
{
	const char *separator = "";
	for (unsigned s = 0; s < type->count; s++) {
		if ((states & STATE_MACHINE_BIT(s)) == 0)
			continue;
		(void)buffer_printf(out, "%s%s", separator, type->states[s].name);
		separator = ", ";
	}
}

char *state_machine_markdown(const struct state_machine_type *type)
{
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(MARKDOWN_MAX_BYTES);
	bool adopts = false;
	for (unsigned s = 0; s < type->count; s++)
		adopts |= type->states[s].adopt != 0;
	(void)buffer_printf(&out, "| %s | next |%s\n|---|---|%s\n", type->name,
			    adopts ? " by adoption also |" : "", adopts ? "---|" : "");
	for (unsigned s = 0; s < type->count; s++) {
		(void)buffer_printf(&out, "| %s | ", type->states[s].name);
		print_set(&out, type, type->states[s].next);
		if (adopts) {
			(void)buffer_add_string(&out, " | ");
			print_set(&out, type, type->states[s].adopt);
		}
		(void)buffer_add_string(&out, " |\n");
	}
	return buffer_steal(&out);
}
