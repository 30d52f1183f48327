/*
 * The moves that improve the places of units most: the one that improves most first, then again as if it were
 * made, until none improves any more. A unit that would move twice moves once, to where it ends.
 *
 * Improvements are kept from the last time that a unit was looked at, and looked at again when they are about to
 * be chosen: they have become smaller as a rule. What has become larger is found when nothing is left to choose:
 * then all are looked at once more. Nothing is changed in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "core/place/choose/score.h"
#include "core/place/improve/improve.h"
#include "core/place/need/workload.h"
#include "core/place/state/nodes.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"

/* A unit may be chosen so often on average before it counts as a circle. */
#define CIRCLE_FACTOR 4

struct candidate {
	const struct place_unit_request *request;
	size_t index; /* in the whole request */
	struct place_unit *unit;
	uint32_t from;		     /* where it is in fact */
	uint32_t to;		     /* the best for it, as of the last look */
	uint16_t *devices;	     /* that it holds there; once it has been moved */
	struct place_gain gain, sum; /* of the next move; of all so far */
	size_t turn;		     /* of its last move; 0: none */
	size_t in_heap;		     /* position + 1; 0: not */
};

struct rebalance {
	struct place *place;
	struct candidate *candidates; /* those that may move first */
	size_t count, movable;
	VECTOR(struct candidate *) heap; /* by gain, the largest first; then by position */
	struct spread_minimums scratch;
	uint32_t least;
	uint32_t moved, max;
	size_t turns;
};

/* ---- a heap by gain ---- */

static bool goes_first(const struct candidate *a, const struct candidate *b)
{
	int order = gain_compare(&a->gain, &b->gain);
	return order != 0 ? order > 0 : a < b;
}

static void heap_put(struct rebalance *r, size_t at, struct candidate *c)
{
	r->heap.items[at] = c;
	c->in_heap = at + 1;
}

static void heap_up(struct rebalance *r, size_t at)
{
	struct candidate *c = r->heap.items[at];
	while (at > 0 && goes_first(c, r->heap.items[(at - 1) / 2])) {
		heap_put(r, at, r->heap.items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(r, at, c);
}

static void heap_down(struct rebalance *r, size_t at)
{
	struct candidate *c = r->heap.items[at];
	for (size_t below; (below = 2 * at + 1) < r->heap.count; at = below) {
		if (below + 1 < r->heap.count &&
		    goes_first(r->heap.items[below + 1], r->heap.items[below]))
			below++;
		if (!goes_first(r->heap.items[below], c))
			break;
		heap_put(r, at, r->heap.items[below]);
	}
	heap_put(r, at, c);
}

static void heap_push(struct rebalance *r, struct candidate *c)
{
	vector_push(&r->heap, c);
	heap_up(r, r->heap.count - 1);
}

static void heap_pop(struct rebalance *r)
{
	struct candidate *last = r->heap.items[--r->heap.count];
	r->heap.items[0]->in_heap = 0;
	if (r->heap.count == 0)
		return;
	r->heap.items[0] = last;
	heap_down(r, 0);
}

/* ---- steps ---- */

static bool look(struct rebalance *r, struct candidate *c)
{
	c->to = improve_unit(r->place, c->request, r->least, &r->scratch, &c->gain);
	return c->to != PLACE_NONE;
}

/* True: there is something to choose. */
static bool look_at_all(struct rebalance *r)
{
	r->least = least_load(r->place);
	for (size_t k = 0; k < r->movable; k++)
		if (look(r, &r->candidates[k]))
			heap_push(r, &r->candidates[k]);
	return r->heap.count > 0;
}

static void keep_devices(struct candidate *c)
{
	uint32_t total = c->unit->need->demand->device_total;
	if (total > 0 && c->devices == NULL)
		c->devices = mem_memdup(c->unit->devices, total * sizeof(*c->devices));
}

static void add_gain(struct place_gain *sum, const struct place_gain *gain, bool is_first)
{
	sum->rules = sum->rules || gain->rules;
	sum->preference += gain->preference;
	sum->neighbours += gain->neighbours;
	sum->balance += gain->balance;
	sum->load_from = is_first ? gain->load_from : sum->load_from;
	sum->load_to = gain->load_to;
}

static void move(struct rebalance *r, struct candidate *c)
{
	struct place *p = r->place;
	uint32_t left = c->unit->zhost;
	bool was_moved = left != c->from;
	keep_devices(c);
	unit_detach(p, c->unit);
	unit_attach(p, c->unit, c->to, false);
	if (!was_moved)
		c->sum = (struct place_gain){0};
	add_gain(&c->sum, &c->gain, !was_moved);
	c->turn = ++r->turns;
	r->moved += (uint32_t)(c->to != c->from) - (uint32_t)was_moved;
	uint32_t load = load_with(node_at(p, left), 0, 0);
	r->least = load < r->least ? load : r->least;
}

/* The next one to move; NULL: none improves. */
static struct candidate *choose(struct rebalance *r)
{
	while (r->heap.count > 0 || look_at_all(r)) {
		struct candidate *c = r->heap.items[0];
		if (!look(r, c)) {
			heap_pop(r);
			continue;
		}
		heap_down(r, 0);
		if (r->heap.items[0] != c)
			continue;
		return c;
	}
	return NULL;
}

/* True: it stopped before nothing improved any more. */
static bool run(struct rebalance *r)
{
	struct candidate *c;
	while ((c = choose(r)) != NULL) {
		bool adds = c->unit->zhost == c->from;
		if ((adds && r->moved >= r->max) || r->turns > CIRCLE_FACTOR * r->movable)
			return true;
		heap_pop(r);
		move(r, c);
	}
	return false;
}

/* ---- from request to result ---- */

static void begin(struct rebalance *r, const struct place_rebalance *request)
{
	nodes_rank(r->place);
	workload_refresh(r->place);
	r->candidates = mem_new_array(struct candidate, request->unit_count + 1);
	for (size_t k = 0; k < request->unit_count; k++) {
		struct place_unit *u = unit_checked(r->place, request->units[k].unit);
		PRE(u->zhost != PLACE_NONE);
		if (shares_room(u))
			continue;
		r->candidates[r->count++] = (struct candidate){
			.request = &request->units[k], .index = k, .unit = u, .from = u->zhost};
		r->movable += k < request->movable;
	}
}

static int compare_turns(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	return a->turn < b->turn ? -1 : a->turn > b->turn;
}

/* Everything is where it was. */
static void undo(struct rebalance *r)
{
	for (size_t k = 0; k < r->count; k++)
		if (r->candidates[k].turn > 0)
			unit_detach(r->place, r->candidates[k].unit);
	for (size_t k = 0; k < r->count; k++) {
		struct candidate *c = &r->candidates[k];
		if (c->turn == 0)
			continue;
		if (c->devices != NULL)
			memcpy(c->unit->devices, c->devices,
			       c->unit->need->demand->device_total * sizeof(*c->devices));
		unit_attach(r->place, c->unit, c->from, true);
		free(c->devices);
	}
}

static void write_moves(struct rebalance *r, struct place_moves *ret)
{
	ret->items = mem_new_array(struct place_move, r->moved + 1);
	for (size_t k = 0; k < r->count; k++) {
		const struct candidate *c = &r->candidates[k];
		if (c->turn > 0 && c->unit->zhost != c->from)
			ret->items[ret->count++] = (struct place_move){.index = c->index,
								       .unit = c->unit->handle,
								       .from = c->from,
								       .to = c->unit->zhost,
								       .gain = c->sum};
	}
}

static void write_stays(struct rebalance *r, size_t first, struct place_moves *ret)
{
	ret->stays = mem_new_array(struct place_move, r->count + 1);
	for (size_t k = first; k < r->count; k++) {
		struct candidate *c = &r->candidates[k];
		if (c->unit->zhost == c->from && look(r, c))
			ret->stays[ret->stay_count++] =
				(struct place_move){.index = c->index,
						    .unit = c->unit->handle,
						    .from = c->from,
						    .to = c->to,
						    .gain = c->gain};
	}
}

void place_rebalance(struct place *p, const struct place_rebalance *request,
		     struct place_moves *ret)
{
	struct rebalance r = {.place = p, .max = request->max_moves};
	*ret = (struct place_moves){0};
	begin(&r, request);
	bool is_short = run(&r);
	r.least = least_load(p);
	write_stays(&r, is_short ? 0 : r.movable, ret);
	vector_done(&r.heap);
	if (r.count > 1)
		qsort(r.candidates, r.count, sizeof(*r.candidates), compare_turns);
	write_moves(&r, ret);
	undo(&r);
	free(r.candidates);
	minimums_done(&r.scratch);
}

void place_moves_done(struct place_moves *moves)
{
	free(moves->items);
	free(moves->stays);
	*moves = (struct place_moves){0};
}
