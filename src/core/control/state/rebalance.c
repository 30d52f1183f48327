#include "core/control/state/rebalance.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/application.h"

#define TO(state) STATE_MACHINE_BIT(REBALANCE_##state)
/* Any of them may be what a record holds. */
static const struct state_machine_state states[REBALANCE_STATE_COUNT] = {
	[REBALANCE_RUNNING] = {"running", TO(DONE), 0, STATE_MACHINE_INITIAL},
	[REBALANCE_DONE] = {"done", 0, 0, STATE_MACHINE_INITIAL | STATE_MACHINE_FINAL},
};
const struct state_machine_type rebalance_machine = {
	.name = "rebalance",
	.states = states,
	.count = REBALANCE_STATE_COUNT,
};

static const struct state_machine_state move_states[REBALANCE_MOVE_STATE_COUNT] = {
	[REBALANCE_MOVE_WAITING] = {"waiting",
				    TO(MOVE_UNDER_WAY) | TO(MOVE_MOVED) | TO(MOVE_STAYS), 0,
				    STATE_MACHINE_INITIAL},
	[REBALANCE_MOVE_UNDER_WAY] = {"under-way", TO(MOVE_MOVED) | TO(MOVE_STAYS), 0,
				      STATE_MACHINE_INITIAL},
	[REBALANCE_MOVE_MOVED] = {"moved", 0, 0, STATE_MACHINE_INITIAL | STATE_MACHINE_FINAL},
	[REBALANCE_MOVE_STAYS] = {"stays", 0, 0, STATE_MACHINE_INITIAL | STATE_MACHINE_FINAL},
};
const struct state_machine_type rebalance_move_machine = {
	.name = "move of a rebalance",
	.states = move_states,
	.count = REBALANCE_MOVE_STATE_COUNT,
};

bool rebalance_is_running(const struct rebalance *r)
{
	return r != NULL && r->state == REBALANCE_RUNNING;
}

const char *rebalance_state_name(enum rebalance_state state)
{
	return states[state].name;
}

const char *rebalance_move_state_name(enum rebalance_move_state state)
{
	return move_states[state].name;
}

/* ---- life ---- */

struct rebalance *rebalance_new(const char *by, int64_t now_wall_ms, uint32_t max_moves)
{
	struct rebalance *r = mem_new(struct rebalance);
	state_machine_begin(&rebalance_machine, r, &r->state, REBALANCE_RUNNING);
	r->by = mem_strdup(by);
	r->began_wall_ms = now_wall_ms;
	r->max_moves = max_moves;
	r->changed = true;
	return r;
}

static void add_loaded_move(struct rebalance *r, const Samoza__V1__RebalanceMoveRecord *record)
{
	struct rebalance_move *m = vector_add(&r->moves);
	*m = (struct rebalance_move){.application = mem_strdup(record->application),
				     .path = mem_strdup(record->path),
				     .from = mem_strdup(record->from),
				     .to = mem_strdup(record->to),
				     .gain = mem_strdup(record->gain),
				     .why = mem_strdup(record->why)};
	state_machine_begin(&rebalance_move_machine, m, &m->state,
			    (enum rebalance_move_state)(record->state - 1));
}

void rebalance_take_chosen(struct rebalance *r, const Samoza__V1__RebalanceRecord *chosen)
{
	PRE(r->moves.count == 0);
	for (size_t k = 0; k < chosen->n_moves; k++) {
		PRE(chosen->moves[k]->state ==
			    SAMOZA__V1__REBALANCE_MOVE_STATE__REBALANCE_MOVE_WAITING ||
		    chosen->moves[k]->state ==
			    SAMOZA__V1__REBALANCE_MOVE_STATE__REBALANCE_MOVE_STAYS);
		add_loaded_move(r, chosen->moves[k]);
	}
	r->stay_more = chosen->stay_more;
}

struct rebalance *rebalance_from_record(const Samoza__V1__RebalanceRecord *record)
{
	struct rebalance *r = mem_new(struct rebalance);
	state_machine_begin(&rebalance_machine, r, &r->state,
			    (enum rebalance_state)(record->state - 1));
	r->by = mem_strdup(record->by);
	r->stopped_by = mem_strdup(record->stopped_by);
	r->began_wall_ms = record->began_ms;
	r->ended_wall_ms = record->ended_ms;
	r->max_moves = record->max_moves;
	r->stay_more = record->stay_more;
	for (size_t k = 0; k < record->n_include; k++)
		vector_push(&r->include, mem_strdup(record->include[k]));
	for (size_t k = 0; k < record->n_moves; k++)
		add_loaded_move(r, record->moves[k]);
	return r;
}

void rebalance_fill_record(const struct rebalance *r, Samoza__V1__RebalanceRecord *ret)
{
	size_t count = r->moves.count;
	samoza__v1__rebalance_record__init(ret);
	ret->state = (Samoza__V1__RebalanceState)(r->state + 1);
	ret->by = r->by;
	ret->stopped_by = r->stopped_by;
	ret->began_ms = r->began_wall_ms;
	ret->has_ended_ms = r->ended_wall_ms != 0;
	ret->ended_ms = r->ended_wall_ms;
	ret->max_moves = r->max_moves;
	ret->n_include = r->include.count;
	ret->include = r->include.items;
	ret->has_stay_more = r->stay_more != 0;
	ret->stay_more = r->stay_more;
	Samoza__V1__RebalanceMoveRecord *moves =
		mem_new_array(Samoza__V1__RebalanceMoveRecord, count + 1);
	ret->moves = mem_new_array(Samoza__V1__RebalanceMoveRecord *, count + 1);
	ret->moves[0] = moves; /* also where there are none: it is freed by that */
	for (size_t k = 0; k < count; k++) {
		const struct rebalance_move *m = &r->moves.items[k];
		samoza__v1__rebalance_move_record__init(&moves[k]);
		moves[k].state = (Samoza__V1__RebalanceMoveState)(m->state + 1);
		moves[k].application = m->application;
		moves[k].path = m->path;
		moves[k].from = m->from;
		moves[k].to = m->to;
		moves[k].gain = m->gain;
		moves[k].why = m->why;
		ret->moves[ret->n_moves++] = &moves[k];
	}
}

void rebalance_free(struct rebalance *r)
{
	if (r == NULL)
		return;
	vector_for_each (&r->moves, m) {
		free(m->application);
		free(m->path);
		free(m->from);
		free(m->to);
		free(m->gain);
		free(m->why);
	}
	vector_done(&r->moves);
	vector_for_each (&r->include, name)
		free(*name);
	vector_done(&r->include);
	free(r->by);
	free(r->stopped_by);
	free(r);
}

/* ---- moves ---- */

void rebalance_move_enter(struct rebalance *r, struct rebalance_move *m,
			  enum rebalance_move_state to, char *take_why)
{
	state_machine_move(&rebalance_move_machine, m, &m->state, to);
	free(m->why);
	m->why = take_why;
	r->changed = true;
}

uint32_t rebalance_count(const struct rebalance *r, enum rebalance_move_state state)
{
	uint32_t count = 0;
	vector_for_each (&r->moves, m)
		count += m->state == state;
	return count;
}

static bool is_named(const char *text, const struct slot_control *root)
{
	const char *topology = application_of(root->slot)->name;
	const char *slash = strchr(text, '/');
	if (slash == NULL || strlen(topology) != (size_t)(slash - text) ||
	    strncmp(topology, text, strlen(topology)) != 0)
		return false;
	slot_for_each_below (root->slot, s)
		if (str_equal(slot_declared_space(s)->name, slash + 1) ||
		    str_equal(s->path, slash + 1))
			return true;
	return false;
}

bool rebalance_includes(const struct rebalance *r, const struct slot_control *root)
{
	vector_for_each (&r->include, name)
		if (is_named(*name, root))
			return true;
	return false;
}
