#include "zsim/fuzz/check/check_drains.h"

#include <string.h>

#include "base/str.h"
#include "core/control/control.h"
#include "model/compile.h"
#include "zsim/fuzz/check/place.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"

/* The default of drain.units. */
#define UNITS_MAX 4

/* Instances keep their space over all revisions. */
static const char *space_of(const struct fuzz *f, const struct mirrored *m)
{
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	for (size_t k = s != NULL ? s->revisions.count : 0; k > 0; k--) {
		const struct topology *t = s->revisions.items[k - 1];
		int instance = t != NULL ? names_find(t, m->record->path) : -1;
		if (instance >= 0)
			return instance_space(t, (unsigned)instance)->name;
	}
	return NULL;
}

/* The most that a revision of it declares. */
static uint32_t most_unavailable(const struct submitted *s, const char *space)
{
	uint32_t most = 1;
	vector_for_each (&s->revisions, t)
		for (unsigned k = 0; k < (*t)->space_count; k++)
			if (str_equal((*t)->spaces[k].name, space) &&
			    (*t)->spaces[k].max_unavailable > most)
				most = (*t)->spaces[k].max_unavailable;
	return most;
}

static bool is_root(const struct mirrored *m)
{
	return strchr(m->record->path, '/') == NULL;
}

/* By a drain, or by a rebalance, which share their limits. */
static bool is_handed_over_unasked(const struct mirrored *m)
{
	return m->record != NULL && m->record->handover != NULL &&
	       (m->record->handover->drains || m->record->handover->rebalances);
}

/* What a change adds counts from its first placement on. */
static bool is_unserved(const struct mirrored *m)
{
	return !m->record->unplaced &&
	       m->record->goal == SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED &&
	       !str_equal(m->state, "deployed-started");
}

/* Its new copy has not taken over yet. */
static bool is_handed_over(const struct mirrored *m)
{
	return m->record->handover != NULL &&
	       m->record->handover->state !=
		       SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_RETIRING;
}

/* Others of its space that are unserved, or being handed over. */
static uint32_t unavailable_beside(const struct fuzz *f, const struct mirrored *m,
				   const char *space)
{
	uint32_t count = 0;
	for (const struct mirrored *other = f->instances; other != NULL;
	     other = other->hh.next) {
		if (other == m || other->record == NULL || !is_root(other) ||
		    other->record->goal != SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED ||
		    !str_equal(other->record->application, m->record->application) ||
		    !str_equal(space_of(f, other), space))
			continue;
		count += is_handed_over(other) || is_unserved(other);
	}
	return count;
}

/* In this commit; it is served still. */
static void check_begun(struct fuzz *f, const struct mirrored *m)
{
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	const char *space = space_of(f, m);
	if (s == NULL || space == NULL || is_unserved(m) ||
	    m->record->goal != SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED)
		return;
	uint32_t beside = unavailable_beside(f, m, space);
	if (beside >= most_unavailable(s, space))
		world_violate(&f->world,
			      "a drain or a rebalance begins to hand %s over, while %u of %s "
			      "are unavailable",
			      m->id, beside, space);
}

/* [change.drain.drain] It ends `keep` for units on its zhost. */
static void check_kept(struct fuzz *f)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next) {
		const struct mirrored_zhost *z = NULL;
		if (m->record == NULL || m->record->role != SAMOZA__V1__ROLE__ROLE_KEPT)
			continue;
		HASH_FIND_STR(f->zhosts, m->record->zhost, z);
		if (z != NULL && z->record != NULL && z->record->drain != NULL &&
		    z->record->drain->state == SAMOZA__V1__DRAIN_STATE__DRAIN_DRAINING)
			world_violate(&f->world, "%s is kept on %s, which is drained", m->id,
				      z->name);
	}
}

static bool has_only_each(const struct fuzz *f, const char *zhost)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_equal(m->record->zhost, zhost) &&
		    !instance_path_is_each(m->record->path))
			return false;
	return true;
}

static bool begins(const char *state)
{
	return str_equal(state, "starting") || str_equal(state, "deploying");
}

/* A report of something else than what is on each zhost, which is known: it has gone from that one. */
static bool says_other_gone(const struct fuzz *f, const Samoza__V1__InstanceReport *r)
{
	if (r->phase != SAMOZA__V1__PHASE__PHASE_ABSENT || instance_path_is_each(r->key->path))
		return false;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->epoch == r->key->epoch &&
		    names_same(m->record->path, r->key->path))
			return true;
	return false;
}

/* zrms has decided to start it: not yet committed, maybe. */
static bool has_begun(const struct fuzz *f, const struct mirrored *m)
{
	Samoza__V1__SpaceView *v = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (control_view_space(f->world.control, m->record->application, m->record->path, &v,
			       &err) < 0)
		return false;
	bool has = begins(v->state);
	samoza__v1__space_view__free_unpacked(v, NULL);
	return has;
}

/* By an entry of the report before that one it is reported to be deployed, or what is above it to have started. */
static bool may_begin_by(const Samoza__V1__Report *report, size_t before,
			 const struct mirrored *m)
{
	for (size_t k = 0; k < before; k++) {
		const Samoza__V1__InstanceReport *r = report->instances[k];
		if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED &&
		    str_has_prefix(m->record->path, r->key->path))
			return true;
		if (r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED &&
		    names_same(m->record->path, r->key->path) &&
		    str_equal(m->record->application, r->key->topology))
			return true;
	}
	return false;
}

void check_drains_report(struct fuzz *f, const char *zhost, const Samoza__V1__Report *report)
{
	size_t gone = 0;
	while (gone < report->n_instances && !says_other_gone(f, report->instances[gone]))
		gone++;
	if (gone == report->n_instances || f->world.control == NULL)
		return;
	for (struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		if (m->record == NULL || !instance_path_is_each(m->record->path))
			continue;
		CLEANUP(freep) char *name = instance_path_zhost(m->record->path);
		if (!str_equal(name, zhost))
			continue;
		/* What is being deployed has a start before it, still. */
		if (may_begin_by(report, gone, m))
			m->began_before = true;
		else if (!begins(m->state))
			m->began_before = has_begun(f, m);
	}
}

/* Its zhost tries it again by itself, as it does where it hears of nobody. */
static bool is_begun_there(const Samoza__V1__Hello *hello, const struct mirrored *m)
{
	for (size_t k = 0; k < hello->n_instances; k++) {
		const Samoza__V1__InstanceReport *r = hello->instances[k];
		if (str_equal(r->key->topology, m->record->application) &&
		    names_same(r->key->path, m->record->path) &&
		    (r->phase == SAMOZA__V1__PHASE__PHASE_STARTING ||
		     r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYING))
			return true;
	}
	return false;
}

void check_drains_hello(struct fuzz *f, const char *zhost, const Samoza__V1__Hello *hello)
{
	for (struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		if (m->record == NULL || !instance_path_is_each(m->record->path) ||
		    begins(m->state))
			continue;
		CLEANUP(freep) char *name = instance_path_zhost(m->record->path);
		if (str_equal(name, zhost))
			m->began_before = is_begun_there(hello, m);
	}
}

/* [change.counts.each] A drain stops last what is on each zhost: once nothing else is left, nothing of it begins. What had
 * begun when zrms heard that the last of the others has gone, or before the drain was asked for, may be in the same commit,
 * and so may what a zhost that was not linked has begun by itself. */
static void check_last(struct fuzz *f)
{
	for (struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		struct mirrored_zhost *z = NULL;
		if (m->record == NULL || m->moved != f->commits ||
		    !instance_path_is_each(m->record->path) || !begins(m->state))
			continue;
		bool began_before = m->began_before;
		m->began_before = false;
		if (began_before)
			continue;
		CLEANUP(freep) char *name = instance_path_zhost(m->record->path);
		HASH_FIND_STR(f->zhosts, name, z);
		if (z != NULL && z->record != NULL && z->record->drain != NULL &&
		    z->record->drain->state != SAMOZA__V1__DRAIN_STATE__DRAIN_ENDED &&
		    m->moved_by > z->drained_by && has_only_each(f, name))
			world_violate(
				&f->world,
				"%s is %s on %s, where the drain has nothing else to stop",
				m->id, m->state, name);
	}
}

void check_drains_committed(struct fuzz *f)
{
	unsigned units = 0;
	check_kept(f);
	check_last(f);
	if (!draws_have(f, DRAW_DRAINS) && !draws_have(f, DRAW_REBALANCES))
		return;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		if (!is_handed_over_unasked(m))
			continue;
		units += is_handed_over(m);
		if (m->drain_began == f->commits)
			check_begun(f, m);
	}
	if (units > UNITS_MAX)
		world_violate(&f->world, "drains and rebalances hand %u units over at a time",
			      units);
}

/* ---- at rest ---- */

static bool is_bound(const struct topology *t, unsigned root)
{
	for (unsigned i = 0; i < t->instances[root].subtree_count; i++)
		if (instance_space(t, root + i)->storage == STORAGE_LOCAL ||
		    t->spaces[t->instances[root].space].each)
			return true;
	return false;
}

/* It is served, and nothing but its place holds it there. */
static bool could_leave(const struct fuzz *f, const struct submitted *s,
			const Samoza__V1__CopyRecord *r)
{
	const struct mirrored *m = mirror_find(f, r->application, r->path);
	const struct topology *t = fuzz_revision(s, r->revision);
	int root = names_find(t, r->path);
	if (m == NULL || m->record == NULL || !is_root(m) || root < 0 || m->record->moving ||
	    m->record->handover != NULL ||
	    m->record->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
	    is_bound(t, (unsigned)root) ||
	    (s->rollout.target != 0 &&
	     (s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_PAUSED ||
	      s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_WAITING)))
		return false;
	for (unsigned i = 0; i < t->instances[root].subtree_count; i++) {
		const char *path = t->instances[(unsigned)root + i].path;
		const struct mirrored *below = mirror_find(f, r->application, path);
		const char *space = instance_space(t, (unsigned)root + i)->name;
		if (below != NULL && below->record != NULL &&
		    unavailable_beside(f, m, space) > 0)
			return false;
	}
	return true;
}

static void check_left(struct fuzz *f, const Samoza__V1__CopyRecord *r)
{
	const struct submitted *s = fuzz_submitted(f, r->application);
	if (s == NULL || r->role != SAMOZA__V1__ROLE__ROLE_SERVING || r->lost ||
	    strchr(r->path, '/') != NULL || !could_leave(f, s, r))
		return;
	const char *zhost = place_elsewhere(f, s, r->path);
	if (zhost != NULL)
		world_violate(&f->world,
			      "%s/%s is left on %s by its drain, and %s would take it", s->name,
			      r->path, r->zhost, zhost);
}

void check_drained(struct fuzz *f, const char *zhost)
{
	struct mirrored_zhost *z = mirrored_zhost(f, zhost);
	bool is_empty = true;
	for (const struct mirrored_copy *m = f->copies; m != NULL && f->world.violation == NULL;
	     m = m->hh.next) {
		if (m->record == NULL || !str_equal(m->record->zhost, zhost))
			continue;
		is_empty = false;
		check_left(f, m->record);
	}
	if (z->record == NULL || z->record->removed || f->world.violation != NULL)
		return;
	if (z->record->drain == NULL)
		world_violate(&f->world, "%s is to be drained, and is not", zhost);
	else if (is_empty !=
		 (z->record->drain->state == SAMOZA__V1__DRAIN_STATE__DRAIN_DRAINED))
		world_violate(&f->world, "%s is %s, and its drain says otherwise", zhost,
			      is_empty ? "empty" : "not empty");
}
