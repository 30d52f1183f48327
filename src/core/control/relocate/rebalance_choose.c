#include "core/control/relocate/rebalance_choose.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/relocate/disruption.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/state.h"

/* ---- what may move ---- */

static char *stops_first(struct slot_control *root)
{
	slot_for_each_below (root->slot, s) {
		const struct space *space = slot_declared_space(s);
		if (space->exclusive)
			return str_printf("%s is exclusive, and not included", s->path);
		if (space->stops_first)
			return str_printf("%s stops before it starts elsewhere, and is not "
					  "included",
					  s->path);
	}
	return NULL;
}

char *rebalance_forbids(const struct rebalance *r, struct slot_control *root,
			const struct control_zhost *to)
{
	const struct control_application *a = application_of(root->slot);
	if (a->rollout != NULL)
		return str_printf("waits for the rollout to %s",
				  a->rollout->target->record->version != NULL
					  ? a->rollout->target->record->version
					  : "0.0.0");
	if (rebalance_includes(r, root))
		return NULL;
	char *why = stops_first(root);
	if (why != NULL)
		return why;
	const struct control_zhost *older = handover_older(slot_zhost(root), to);
	if (older == NULL)
		return NULL;
	return str_printf("it would stop before it starts elsewhere, because the zhost program "
			  "of %s is older, and is not included",
			  older->name);
}

/* What belongs to its zhost (`count: each`) cannot be better off elsewhere. */
static bool is_considered(const struct control *c, const struct slot_control *root)
{
	return !root->slot->each && slot_is_placed(root) && root->place_unit != PLACE_NONE &&
	       place_where(c->place, root->place_unit) != PLACE_NONE &&
	       root->slot->goal != GOAL_NOT_DEPLOYED && !root->slot->moving &&
	       !drain_is_active(slot_zhost(root)->drain);
}

/* ---- the request to the engine ---- */

struct candidate {
	struct slot_control *root;
	char *fixed; /* why it may not move; NULL: it may */
};

struct choice {
	struct control *control;
	struct rebalance *rebalance;
	VECTOR(struct candidate) candidates;
	VECTOR(struct place_unit_request) units; /* of the same indexes */
	VECTOR(uint32_t) older;			 /* zhosts to which a move would stop first */
	size_t movable;
	uint32_t stays; /* listed */
};

static int compare_candidates(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	uint64_t sa = application_of(a->root->slot)->sequence;
	uint64_t sb = application_of(b->root->slot)->sequence;
	if ((a->fixed != NULL) != (b->fixed != NULL))
		return a->fixed != NULL ? 1 : -1;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	return str_compare(a->root->slot->path, b->root->slot->path);
}

static void collect(struct choice *x)
{
	application_for_each (&x->control->applications, a)
		for_each_root (a, root) {
			if (!is_considered(x->control, root))
				continue;
			char *fixed = handover_obstacle(root);
			if (fixed == NULL)
				fixed = rebalance_forbids(x->rebalance, root, NULL);
			x->movable += fixed == NULL;
			*vector_add(&x->candidates) = (struct candidate){root, fixed};
		}
	if (x->candidates.count > 1)
		qsort(x->candidates.items, x->candidates.count, sizeof(*x->candidates.items),
		      compare_candidates);
	zhost_for_each (&x->control->zhosts, z)
		if (z->place != PLACE_NONE && !zhost_knows_copies(z))
			vector_push(&x->older, z->place);
}

static void add_request(struct choice *x, const struct slot_control *root)
{
	uint32_t count = 0;
	struct place_exclusion *excluded = exclusions_for_engine(x->control, root, &count);
	if (x->older.count > 0 && !rebalance_includes(x->rebalance, root)) {
		excluded = mem_resize(excluded, count + x->older.count, sizeof(*excluded));
		vector_for_each (&x->older, zhost)
			excluded[count++] = (struct place_exclusion){
				.zhost = *zhost,
				.code = FAILURE_ZHOST_OUTDATED,
				.sentence = "its zhost program is older"};
	}
	*vector_add(&x->units) = (struct place_unit_request){
		.unit = root->place_unit, .excluded = excluded, .excluded_count = count};
}

/* ---- its answer ---- */

static void add_percent(struct buffer *b, uint32_t from, uint32_t to)
{
	(void)buffer_printf(b, "load %u.%02u %% instead of %u.%02u %%", to / 100, to % 100,
			    from / 100, from % 100);
}

static char *gain_text(const struct place_gain *g)
{
	struct buffer b = BUFFER_INIT(4096);
	if (g->rules)
		(void)buffer_printf(&b, "its zhost does not satisfy what it requires");
	else if (g->preference != 0)
		(void)buffer_printf(&b, "preference %+d", g->preference);
	else if (g->neighbours != 0)
		(void)buffer_printf(&b, "%d %s less", g->neighbours,
				    g->neighbours == 1 ? "neighbour" : "neighbours");
	else
		add_percent(&b, g->load_from, g->load_to);
	return buffer_steal(&b);
}

static const char *zhost_name(const struct choice *x, uint32_t zhost)
{
	return place_zhost_name(x->control->place, zhost);
}

/* Takes the text. */
static void add_move(struct choice *x, const struct slot_control *root,
		     const struct place_move *move, enum rebalance_move_state state,
		     char *take_why)
{
	struct rebalance_move *m = vector_add(&x->rebalance->moves);
	*m = (struct rebalance_move){.application = mem_strdup(application_of(root->slot)->id),
				     .path = mem_strdup(root->slot->path),
				     .from = mem_strdup(zhost_name(x, move->from)),
				     .to = mem_strdup(zhost_name(x, move->to)),
				     .gain = gain_text(&move->gain),
				     .why = take_why};
	state_machine_begin(&rebalance_move_machine, m, &m->state, state);
}

static void add_stays(struct choice *x, const struct place_move *move)
{
	struct rebalance *r = x->rebalance;
	struct candidate *candidate = &x->candidates.items[move->index];
	if (x->stays >= REBALANCE_STAYS_MAX) {
		r->stay_more++;
		return;
	}
	x->stays++;
	char *why = steal_ptr(&candidate->fixed);
	if (why == NULL)
		why = str_printf("the rebalance makes %u %s at most", r->max_moves,
				 r->max_moves == 1 ? "move" : "moves");
	add_move(x, candidate->root, move, REBALANCE_MOVE_STAYS, why);
}

void rebalance_choose(struct control *c, struct rebalance *r)
{
	struct choice x = {.control = c, .rebalance = r};
	struct place_moves moves;
	collect(&x);
	vector_for_each (&x.candidates, candidate)
		add_request(&x, candidate->root);
	const struct place_rebalance request = {.units = x.units.items,
						.unit_count = x.units.count,
						.movable = x.movable,
						.max_moves = r->max_moves};
	place_rebalance(c->place, &request, &moves);
	for (size_t k = 0; k < moves.count; k++)
		add_move(&x, x.candidates.items[moves.items[k].index].root, &moves.items[k],
			 REBALANCE_MOVE_WAITING, NULL);
	for (size_t k = 0; k < moves.stay_count; k++)
		add_stays(&x, &moves.stays[k]);
	place_moves_done(&moves);
	vector_for_each (&x.candidates, candidate)
		free(candidate->fixed);
	vector_for_each (&x.units, unit)
		free((void *)unit->excluded);
	vector_done(&x.candidates);
	vector_done(&x.units);
	vector_done(&x.older);
}
