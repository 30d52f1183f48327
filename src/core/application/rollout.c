#include "core/application/rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/vector.h"

/* ---- the table ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct rollout *r = object;
	snprintf(ret_name, size, "%s", rollout_policy_name(r->spec.policy));
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct rollout *r = object;
	(void)from;
	if ((to == ROLLOUT_RETURNING || to == ROLLOUT_RETURNED) && !r->has_base)
		return "returns, and there is no revision to return to";
	if (to == ROLLOUT_WAITING && !rollout_is_in_steps(r))
		return "waits, and there is no step that follows";
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(ROLLOUT_##state)
static const struct state_machine_state states[ROLLOUT_STATE_COUNT] = {
	/* Any of the first four may be what a record holds. */
	[ROLLOUT_ADVANCING] = {"advancing",
			       TO(ADVANCING) | TO(PAUSED) | TO(RETURNING) | TO(WAITING) |
				       TO(COMPLETED),
			       0, STATE_MACHINE_INITIAL},
	[ROLLOUT_PAUSED] = {"paused", TO(ADVANCING) | TO(RETURNING), 0, STATE_MACHINE_INITIAL},
	[ROLLOUT_RETURNING] = {"returning", TO(ADVANCING) | TO(RETURNED), 0,
			       STATE_MACHINE_INITIAL},
	[ROLLOUT_WAITING] = {"waiting", TO(ADVANCING) | TO(PAUSED) | TO(RETURNING), 0,
			     STATE_MACHINE_INITIAL},
	[ROLLOUT_COMPLETED] = {"completed", 0, 0, STATE_MACHINE_FINAL},
	[ROLLOUT_RETURNED] = {"returned", 0, 0, STATE_MACHINE_FINAL},
};

const struct state_machine_type rollout_machine = {
	.name = "rollout",
	.states = states,
	.count = ROLLOUT_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

const char *rollout_state_name(enum rollout_state state)
{
	return states[state].name;
}

void rollout_begin(struct rollout *r)
{
	state_machine_begin(&rollout_machine, r, &r->state, ROLLOUT_ADVANCING);
}

void rollout_restore(struct rollout *r, enum rollout_state state)
{
	state_machine_begin(&rollout_machine, r, &r->state, state);
}

bool rollout_is_in_steps(const struct rollout *r)
{
	return r->spec.policy == ROLLOUT_CANARY && r->step < r->spec.step_count;
}

bool rollout_switches_later(const struct rollout *r)
{
	return r->spec.policy == ROLLOUT_BLUE_GREEN && r->step == 0;
}

bool rollout_has_switched(const struct rollout *r)
{
	return r->spec.policy == ROLLOUT_BLUE_GREEN && r->step > 0 &&
	       r->state != ROLLOUT_RETURNING;
}

void rollout_enter_switched(struct rollout *r)
{
	PRE(rollout_switches_later(r) && r->state == ROLLOUT_ADVANCING);
	r->step = 1;
}

void rollout_enter(struct rollout *r, enum rollout_state to, bool promotes)
{
	PRE(!promotes || r->state == ROLLOUT_WAITING);
	r->step += promotes;
	state_machine_move(&rollout_machine, r, &r->state, to);
}

static enum rollout_state after_failure(const struct rollout *r)
{
	return r->has_base && !r->spec.pauses ? ROLLOUT_RETURNING : ROLLOUT_PAUSED;
}

enum rollout_state rollout_next(const struct rollout *r, const struct rollout_facts *f)
{
	switch (r->state) {
	case ROLLOUT_ADVANCING:
		if (f->failed)
			return after_failure(r);
		if (f->complete)
			return ROLLOUT_COMPLETED;
		return rollout_is_in_steps(r) && f->step_done ? ROLLOUT_WAITING : r->state;
	case ROLLOUT_WAITING:
		if (f->failed)
			return after_failure(r);
		return !f->step_done || f->due ? ROLLOUT_ADVANCING : r->state;
	case ROLLOUT_RETURNING:
		return f->returned ? ROLLOUT_RETURNED : r->state;
	case ROLLOUT_PAUSED:
	case ROLLOUT_COMPLETED:
	case ROLLOUT_RETURNED:
		return r->state;
	}
	IMPOSSIBLE("no such state");
}

/* ---- requests ---- */

const char *rollout_command_name(enum rollout_command command)
{
	static const char *const names[] = {"promote", "abort", "pause", "resume"};
	return names[command];
}

static int abort_from(const struct rollout *r, enum rollout_state *ret_state,
		      struct error **err)
{
	if (r->state == ROLLOUT_RETURNING)
		return error_set(err, ERR_CONFLICT,
				 "the rollout goes back already; wait until it has");
	if (!r->has_base)
		return error_set(err, ERR_CONFLICT,
				 "no revision has completed, so there is none to go back to; "
				 "submit another version, or stop the topology");
	*ret_state = ROLLOUT_RETURNING;
	return 0;
}

int rollout_command(const struct rollout *r, enum rollout_command command,
		    enum rollout_state *ret_state, struct error **err)
{
	if (command == ROLLOUT_ABORT)
		return abort_from(r, ret_state, err);
	if (r->state == ROLLOUT_RETURNING)
		return error_set(err, ERR_CONFLICT,
				 "the rollout goes back to the revision before; submit the "
				 "version that is wanted");
	if (command == ROLLOUT_PAUSE) {
		if (r->state == ROLLOUT_PAUSED)
			return error_set(err, ERR_CONFLICT,
					 "the rollout is paused already; 'resume' goes on with "
					 "it, and 'abort' returns");
		*ret_state = ROLLOUT_PAUSED;
		return 0;
	}
	if (r->state == ROLLOUT_ADVANCING)
		return error_set(err, ERR_CONFLICT,
				 "the rollout is under way and does not wait for '%s'%s",
				 rollout_command_name(command),
				 rollout_is_in_steps(r) ? "; wait until its step is done" : "");
	if (r->state == ROLLOUT_WAITING && command == ROLLOUT_RESUME)
		return error_set(
			err, ERR_CONFLICT,
			"the rollout is not paused: it waits for 'promote', or 'abort'");
	*ret_state = ROLLOUT_ADVANCING;
	return 0;
}

/* ---- the order of a rolling one ---- */

typedef VECTOR(unsigned) index_list;

struct order {
	const struct topology *topology;
	unsigned *roots; /* of each space: the one that it is inside of, or itself */
	index_list
		*importers; /* of a root: roots that import from it, each as often as they do */
	unsigned *waits;    /* of a root: imports from roots that have no place yet */
	bool *placed;
	index_list ready;
	uint32_t *places;
	uint32_t next;
};

static void add_imports(struct order *o, const struct space *space)
{
	unsigned importer = o->roots[space->index];
	for (unsigned k = 0; k < space->import_count; k++)
		for (unsigned n = 0; n < space->imports[k].provider_count; n++) {
			unsigned provider = o->roots[space->imports[k].providers[n]];
			if (provider == importer)
				continue;
			vector_push(&o->importers[provider], importer);
			o->waits[importer]++;
		}
}

static void place(struct order *o, unsigned root)
{
	o->places[root] = o->next++;
	o->placed[root] = true;
	vector_for_each (&o->importers[root], importer)
		if (--o->waits[*importer] == 0 && !o->placed[*importer])
			vector_push(&o->ready, *importer);
}

/* Only cycles are left: the smallest name of them. */
static int smallest_left(const struct order *o)
{
	for (unsigned k = 0; k < o->topology->space_count; k++) {
		unsigned space = o->topology->by_name[k];
		if (o->topology->spaces[space].parent < 0 && !o->placed[space])
			return (int)space;
	}
	return -1;
}

void rollout_order(const struct topology *t, uint32_t *ret_places)
{
	struct order o = {
		.topology = t,
		.roots = mem_new_array(unsigned, t->space_count),
		.importers = mem_new_array(index_list, t->space_count),
		.waits = mem_new_array(unsigned, t->space_count),
		.placed = mem_new_array(bool, t->space_count),
		.places = ret_places,
	};
	for (unsigned k = 0; k < t->space_count; k++) {
		o.roots[k] = k;
		while (t->spaces[o.roots[k]].parent >= 0)
			o.roots[k] = (unsigned)t->spaces[o.roots[k]].parent;
	}
	for (unsigned k = 0; k < t->space_count; k++)
		add_imports(&o, &t->spaces[k]);
	for (unsigned k = 0; k < t->space_count; k++)
		if (t->spaces[k].parent < 0 && o.waits[k] == 0)
			vector_push(&o.ready, k);
	for (size_t at = 0;;) {
		int root = at < o.ready.count ? (int)o.ready.items[at++] : smallest_left(&o);
		if (root < 0)
			break;
		if (!o.placed[root])
			place(&o, (unsigned)root);
	}
	for (unsigned k = 0; k < t->space_count; k++) {
		ret_places[k] = ret_places[o.roots[k]];
		vector_done(&o.importers[k]);
	}
	vector_done(&o.ready);
	free(o.roots);
	free(o.importers);
	free(o.waits);
	free(o.placed);
}
