#include "zsim/fuzz/check/check_rebalances.h"

#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"

/* ---- records ---- */

static unsigned count_moves(const struct fuzz *f, Samoza__V1__RebalanceMoveState state)
{
	unsigned count = 0;
	for (size_t k = 0; f->rebalance != NULL && k < f->rebalance->n_moves; k++)
		count += f->rebalance->moves[k]->state == state;
	return count;
}

bool check_rebalance_waits(const struct fuzz *f)
{
	return count_moves(f, SAMOZA__V1__REBALANCE_MOVE_STATE__REBALANCE_MOVE_WAITING) > 0;
}

void check_rebalance_taken(struct fuzz *f, const struct record_change *r)
{
	check_rebalances_done(f);
	if (r->data != NULL)
		f->rebalance = samoza__v1__rebalance_record__unpack(NULL, r->size, r->data);
	if (f->rebalance == NULL)
		world_violate(&f->world, "the record of a rebalance cannot be read");
	else if (f->rebalance->stopped_by != NULL && check_rebalance_waits(f))
		world_violate(&f->world, "a rebalance was stopped, and a move of it waits");
}

void check_rebalance_event(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	if (str_equal(e->kind, "rebalance") && str_equal(e->to, "running"))
		f->placed_otherwise = false;
	if (str_equal(e->kind, "placement") && !str_has_prefix(e->cause, "rebalanced by"))
		f->placed_otherwise = true;
}

void check_rebalances_done(struct fuzz *f)
{
	if (f->rebalance != NULL)
		samoza__v1__rebalance_record__free_unpacked(f->rebalance, NULL);
	f->rebalance = NULL;
}

/* ---- what moves ---- */

/* "shop/db", also of an instance. */
static bool is_included(const struct fuzz *f, const struct submitted *s,
			const struct topology *t, unsigned instance)
{
	CLEANUP(freep)
	char *space = str_printf("%s/%s", s->name, instance_space(t, instance)->name);
	CLEANUP(freep)
	char *path = str_printf("%s/%s", s->name, t->instances[instance].path);
	for (size_t k = 0; f->rebalance != NULL && k < f->rebalance->n_include; k++)
		if (str_equal(f->rebalance->include[k], space) ||
		    str_equal(f->rebalance->include[k], path))
			return true;
	return false;
}

/* In this commit. */
static void check_begun(struct fuzz *f, const struct mirrored *m)
{
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	const struct topology *t =
		s != NULL && serving != NULL ? fuzz_revision(s, serving->revision) : NULL;
	int root = t != NULL ? topology_find_instance(t, m->record->path) : -1;
	bool stops_first = m->record->handover->kind ==
			   SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_STOP_FIRST;
	bool included = false;
	draws_happened(f, DRAW_REBALANCES);
	if (f->rebalance == NULL ||
	    f->rebalance->state != SAMOZA__V1__REBALANCE_STATE__REBALANCE_RUNNING)
		world_violate(&f->world, "%s is rebalanced, and no rebalance is running",
			      m->id);
	if (f->rebalance != NULL && f->rebalance->stopped_by != NULL)
		world_violate(&f->world, "%s is rebalanced, and the rebalance was stopped",
			      m->id);
	if (root < 0)
		return;
	for (unsigned i = 0; i < t->instances[root].subtree_count; i++) {
		const struct space *space = instance_space(t, (unsigned)root + i);
		stops_first = stops_first || space->exclusive || space->stops_first;
		included = included || is_included(f, s, t, (unsigned)root + i);
	}
	if (stops_first && !included)
		world_violate(&f->world,
			      "a rebalance moves %s, which stops first and is not included",
			      m->id);
	if (s->rollout.target != 0)
		world_violate(&f->world, "a rebalance moves %s during a rollout", m->id);
}

void check_rebalances_committed(struct fuzz *f)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->handover != NULL &&
		    m->record->handover->rebalances && m->drain_began == f->commits)
			check_begun(f, m);
}

/* ---- at rest ---- */

void check_rebalances_ended(struct fuzz *f)
{
	if (f->rebalance != NULL &&
	    f->rebalance->state != SAMOZA__V1__REBALANCE_STATE__REBALANCE_DONE)
		world_violate(&f->world, "all is idle, and a rebalance has not ended");
}

/* Attempts that were used up somewhere are forgotten in time. */
static bool has_exclusions(const struct fuzz *f)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->n_exclusions > 0)
			return true;
	return false;
}

bool check_rebalance_is_whole(const struct fuzz *f)
{
	return f->rebalance != NULL && !has_exclusions(f) && !f->placed_otherwise &&
	       count_moves(f, SAMOZA__V1__REBALANCE_MOVE_STATE__REBALANCE_MOVE_STAYS) == 0;
}

void check_rebalance_found_nothing(struct fuzz *f)
{
	unsigned moved = count_moves(f, SAMOZA__V1__REBALANCE_MOVE_STATE__REBALANCE_MOVE_MOVED);
	if (moved > 0)
		world_violate(&f->world,
			      "a second rebalance moves %u, such as %s from %s to %s: %s",
			      moved, f->rebalance->moves[0]->path, f->rebalance->moves[0]->from,
			      f->rebalance->moves[0]->to, f->rebalance->moves[0]->gain);
}
