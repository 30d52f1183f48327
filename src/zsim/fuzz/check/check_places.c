/*
 * [topology.zhosts.cordon] No new placement on a cordoned zhost. [topology.placement.together] Of what was
 * never placed, or was undeployed since, all is placed or nothing, also while older copies still unload;
 * [change.optional.optional] optional spaces have no part in that, and wait for it.
 * [topology.placement.rule-4] What a placement requires beside it is there, and is not about to leave.
 * [change.loss.replace-after] What is lost waits for its zhost as long as it declares.
 */
#include "zsim/fuzz/check/check_places.h"

#include "base/str.h"
#include "zsim/fuzz/check/check_sets.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/check/place.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/world.h"

/* In this commit and before it: what was decided in between is the core's business. */
static bool is_cordoned(const struct fuzz *f, const struct mirrored_zhost *z)
{
	bool before = z->taken == f->commits ? z->was_cordoned
					     : z->record != NULL && z->record->cordoned;
	return before && z->record != NULL && z->record->cordoned;
}

static bool is_first(const struct fuzz *f, const struct mirrored *m)
{
	return m->taken == f->commits ? m->was_first : m->is_first;
}

static bool is_root(const Samoza__V1__SlotRecord *r)
{
	return strchr(r->path, '/') == NULL;
}

static bool is_optional(const struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	const struct submitted *s = fuzz_submitted(f, r->application);
	if (s == NULL)
		return false;
	const struct topology *t = s->topology;
	int instance = names_find(t, r->path);
	if (instance < 0 && s->rollout.target != 0) { /* one that the rollout adds */
		t = fuzz_revision(s, s->rollout.target);
		instance = names_find(t, r->path);
	}
	return instance >= 0 && instance_space(t, (unsigned)instance)->optional;
}

/* What a rollout has removed and another one adds again was not to be deployed in between; where it has not gone yet, it is
 * handed over to the new version. */
static void check_together(struct fuzz *f, const Samoza__V1__CopyRecord *placed)
{
	const struct mirrored *slot = mirror_find(f, placed->application, placed->path);
	if (slot == NULL || slot->record == NULL || !is_root(slot->record) ||
	    !is_first(f, slot) || slot->record->handover != NULL ||
	    instance_path_is_each(placed->path))
		return;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__SlotRecord *r = m->record;
		if (r == NULL || !str_equal(r->application, placed->application) ||
		    !is_root(r) || !is_first(f, m) || r->has_serving || is_optional(f, r) ||
		    r->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
		    instance_path_is_each(r->path) || check_sets_joins_later(f, r))
			continue;
		world_violate(&f->world, "%s is placed without %s, which waits for a place",
			      slot->id, m->id);
	}
}

static void check_suits(struct fuzz *f, const struct mirrored_copy *m,
			const struct mirrored_zhost *z)
{
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	const struct topology *t = s != NULL ? fuzz_revision(s, m->record->revision) : NULL;
	int root = t != NULL ? names_find(t, m->record->path) : -1;
	if (root >= 0 && t->instances[root].parent < 0 && !place_suits(t, (unsigned)root, z))
		world_violate(&f->world, "%s is placed on %s, which does not suit it", m->id,
			      z->name);
}

/* [topology.placement.rule-4] What it requires is there, and stays. */
static void check_company(struct fuzz *f, const struct mirrored_copy *m)
{
	const Samoza__V1__CopyRecord *r = m->record;
	if (r == NULL || (r->role != SAMOZA__V1__ROLE__ROLE_SERVING &&
			  r->role != SAMOZA__V1__ROLE__ROLE_SUCCESSOR))
		return;
	CLEANUP(freep) char *lacks = place_lonely(f, m);
	if (lacks != NULL)
		world_violate(&f->world, "%s is placed on %s, where it lacks %s", m->id,
			      r->zhost, lacks);
}

/* The most that zrms may need to see that a zhost is silent, after its last heartbeat. */
#define NOTICE_MAX_MS 200000

/* It is placed while the zhost of the copy before it is silent: not too early, unless somebody has asked
 * for it since, or it was leaving that zhost
 * anyway. A wall clock that is set may shorten the time over a restart of zrms. */
static void check_waited(struct fuzz *f, const struct mirrored_copy *m)
{
	const struct mirrored *slot = mirror_find(f, m->record->application, m->record->path);
	const struct mirrored_copy *before = NULL;
	const struct mirrored_zhost *z = NULL;
	if (slot == NULL || slot->record == NULL || !is_root(slot->record) ||
	    draws_have(f, DRAW_CLOCKS))
		return;
	before = mirror_copy(f, m->record->application, m->record->path, slot->served);
	if (before != NULL && before->record != NULL)
		HASH_FIND_STR(f->zhosts, before->record->zhost, z);
	if (z == NULL || z->record == NULL || z->record->removed ||
	    z->record->state != SAMOZA__V1__STATE__STATE_PROBLEM ||
	    slot->record->goal_ms > z->record->since_ms || slot->was_moving)
		return;
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	const struct topology *t = fuzz_revision(s, before->record->revision);
	int root = names_find(t, m->record->path);
	int64_t after = root >= 0 ? place_replace_after_ms(t, (unsigned)root) : 0;
	int64_t silent_ms = WORLD_WALL_MS + f->world.now_ms - z->record->since_ms;
	/* A zrms that stood still notices later than that. */
	bool too_early = !draws_have(f, DRAW_STALLS) && silent_ms + NOTICE_MAX_MS < after;
	/* Its zhost was back meanwhile, and had nothing of it: it may take any other one. */
	bool may_move = slot->lost_ms < z->record->since_ms - WORLD_WALL_MS;
	if (after == SPACE_REPLACE_NEVER || (too_early && !may_move))
		world_violate(&f->world, "%s is placed while it is to wait for %s", slot->id,
			      z->name);
}

/* The unit that it belongs to was there before this commit. */
static bool joins(const struct fuzz *f, const Samoza__V1__CopyRecord *r)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next) {
		if (m->record == NULL || m->record->epoch != r->placement ||
		    !str_equal(m->record->application, r->application))
			continue;
		vector_for_each (&f->new_copies, id)
			if (str_equal(*id, m->id))
				return false;
		return true;
	}
	return false;
}

/* A cordon does not matter to what belongs to the zhost [change.counts.each], or joins a unit that is there. A successor is
 * a new placement, also on the zhost of its incumbent: it stays there while that is eligible [change.handover.stop-first]. */
static void check_cordon(struct fuzz *f, const struct mirrored_copy *m,
			 const struct mirrored_zhost *z)
{
	const Samoza__V1__CopyRecord *r = m->record;
	if (r->role != SAMOZA__V1__ROLE__ROLE_SERVING &&
	    r->role != SAMOZA__V1__ROLE__ROLE_SUCCESSOR)
		return;
	if (z != NULL && is_cordoned(f, z) && !instance_path_is_each(r->path) && !joins(f, r))
		world_violate(&f->world, "%s is placed on %s, which is cordoned", m->id,
			      z->name);
}

void check_new_copy(struct fuzz *f, const struct mirrored_copy *m)
{
	const Samoza__V1__CopyRecord *r = m->record;
	const struct mirrored_zhost *z = NULL;
	check_company(f, m);
	if (r == NULL)
		return;
	HASH_FIND_STR(f->zhosts, r->zhost, z);
	check_cordon(f, m, z);
	if (r->role != SAMOZA__V1__ROLE__ROLE_SERVING)
		return;
	check_each_copy(f, m);
	if (z != NULL)
		check_suits(f, m, z);
	check_together(f, r);
	check_waited(f, m);
}
