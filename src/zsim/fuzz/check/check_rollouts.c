#include "zsim/fuzz/check/check_rollouts.h"
#include "zsim/fuzz/check/check_sets.h"

#include <string.h>

#include "base/str.h"
#include "model/diff.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/life/draws.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/world.h"

/* ---- batches ---- */

void check_rollouts_take(struct fuzz *f, struct submitted *s,
			 const Samoza__V1__ApplicationRecord *record)
{
	const Samoza__V1__RolloutRecord *rollout = record->rollout;
	check_sets_take(f, s, record);
	if (rollout != NULL && rollout->target == s->rollout.target &&
	    rollout->step != s->rollout.step && s->sets.target == 0 &&
	    (rollout->step != s->rollout.step + 1 ||
	     s->rollout.state != SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_WAITING))
		world_violate(&f->world,
			      "the canary of %s was promoted to step %u from %u, "
			      "where it did not wait",
			      s->name, rollout->step, s->rollout.step);
	s->served = record->served;
	memset(&s->rollout, 0, sizeof(s->rollout));
	if (rollout == NULL)
		return;
	s->rollout.target = rollout->target;
	s->rollout.from = rollout->has_back_to ? rollout->back_to : record->served;
	s->rollout.step = rollout->step;
	s->rollout.state = rollout->state;
	s->rollout.at_once = rollout->at_once;
	s->rollout.no_surge = rollout->no_surge;
}

/* Handed over to the target, in its turn: not because its place does not fit the new version. */
static bool is_in_batch(const struct submitted *s, const struct mirrored *m)
{
	const Samoza__V1__SlotRecord *r = m->record;
	return r != NULL && r->handover != NULL && r->handover->revision == s->rollout.target &&
	       !r->handover->returns && str_equal(r->application, s->id) &&
	       str_has_prefix(r->handover->cause, "rollout to ");
}

static void check_batch(struct fuzz *f, const struct submitted *s)
{
	const struct topology *t = s->revisions.items[s->rollout.target - 1];
	const struct rollout_spec *spec = &s->policies.items[s->rollout.target - 1];
	const struct space *space = NULL;
	uint32_t count = 0;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		if (!is_in_batch(s, m))
			continue;
		int index = names_find(t, m->record->path);
		const struct space *own =
			index >= 0 ? instance_space(t, (unsigned)index) : NULL;
		if (own == NULL || (space != NULL && own != space)) {
			world_violate(&f->world, "%s is handed over beside another space",
				      m->id);
			return;
		}
		space = own;
		count++;
	}
	if (space != NULL && count > rollout_spec_batch(spec, space->instance_count))
		world_violate(&f->world, "%u of %s/%s are handed over, more than a batch of %u",
			      count, s->name, space->name,
			      rollout_spec_batch(spec, space->instance_count));
}

/* ---- kinds ---- */

static bool stops_first(const struct topology *t, const char *root)
{
	int first = names_find(t, root);
	for (unsigned k = 0; first >= 0 && k < t->instances[first].subtree_count; k++)
		if (instance_space(t, (unsigned)first + k)->stops_first)
			return true;
	return false;
}

/* [change.counts.numbered] An instance of the unit has another name in the other version. */
static bool renames(const struct topology *t, const struct topology *other, const char *root)
{
	int first = names_find(t, root);
	for (unsigned k = 0; first >= 0 && k < t->instances[first].subtree_count; k++) {
		const char *path = t->instances[(unsigned)first + k].path;
		if (names_find(other, path) >= 0 && topology_find_instance(other, path) < 0)
			return true;
	}
	return false;
}

static bool is_before_switch(const Samoza__V1__HandoverRecord *h)
{
	return h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_RISING ||
	       h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PREPARING ||
	       h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STOPPING;
}

/* [change.handover.kind] What may run beside its successor does, so that it is served all the time; what may not does
 * not. All at once, everything stops first. */
static void check_kind(struct fuzz *f, const struct submitted *s, const struct mirrored *m)
{
	const Samoza__V1__HandoverRecord *h = m->record != NULL ? m->record->handover : NULL;
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	if (h == NULL || !h->has_revision || serving == NULL || !is_before_switch(h) ||
	    !str_equal(m->record->application, s->id))
		return;
	bool stops = stops_first(s->revisions.items[h->revision - 1], m->record->path) ||
		     stops_first(s->revisions.items[serving->revision - 1], m->record->path) ||
		     renames(s->revisions.items[h->revision - 1],
			     s->revisions.items[serving->revision - 1], m->record->path);
	bool starts = h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_START_FIRST;
	bool is_step_back = s->rollout.at_once && h->revision == s->rollout.target;
	bool at_once = !h->returns && !is_step_back &&
		       s->policies.items[h->revision - 1].policy == ROLLOUT_REPLACE;
	if (starts && stops)
		world_violate(&f->world, "%s stops first, and is handed over start-first",
			      m->id);
	if (!starts && !stops && !at_once && !draws_have(f, DRAW_PROTOCOLS) &&
	    !draws_have(f, DRAW_NO_SURGE))
		world_violate(&f->world,
			      "%s may run beside its successor, and is handed over stop-first",
			      m->id);
}

static bool is_root_of(const struct submitted *s, const struct mirrored *m)
{
	return m->record != NULL && str_equal(m->record->application, s->id) &&
	       strchr(m->record->path, '/') == NULL;
}

/* ---- one ordered stop ---- */

static bool is_in(const struct mirrored *m, Samoza__V1__HandoverState state)
{
	return m->record->handover->state == state;
}

/* Handed over by that rollout, or by its return, in one ordered stop with all others that stop first. */
static bool stops_together(const struct fuzz *f, const struct submitted *s,
			   const struct mirrored *m)
{
	const Samoza__V1__SlotRecord *r = m->record;
	const Samoza__V1__HandoverRecord *h = r != NULL ? r->handover : NULL;
	const Samoza__V1__CopyRecord *serving = h != NULL ? mirror_serving(f, m) : NULL;
	if (serving == NULL || !str_equal(r->application, s->id) || r->lost ||
	    r->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED)
		return false;
	if (s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING)
		return h->returns && h->revision == s->rollout.from &&
		       str_has_prefix(h->cause, "back to ") &&
		       !str_has_prefix(h->cause, "back to a place ") &&
		       (stops_first(s->revisions.items[h->revision - 1], r->path) ||
			stops_first(s->revisions.items[serving->revision - 1], r->path));
	return s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_ADVANCING &&
	       is_in_batch(s, m) && !s->rollout.at_once &&
	       s->policies.items[s->rollout.target - 1].policy == ROLLOUT_REPLACE;
}

/* Some process of the unit runs, or is about to. */
static bool is_active(const struct fuzz *f, const struct mirrored *root)
{
	size_t length = strlen(root->id);
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_has_prefix(m->id, root->id) &&
		    (m->id[length] == '\0' || m->id[length] == '/') &&
		    (m->record->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED ||
		     m->record->state == SAMOZA__V1__STATE__STATE_STOPPING))
			return true;
	return false;
}

/* It is placed again in this commit, because the zhost on which it served was lost, or because it had no place: it was
 * in nobody's way when the others were told to stop. */
static bool is_placed_again(const struct fuzz *f, const struct mirrored *m)
{
	const struct mirrored_copy *before =
		mirror_copy(f, m->record->application, m->record->path, m->served);
	return m->taken == f->commits && m->served != m->record->serving &&
	       (m->served == 0 || before == NULL || before->record == NULL ||
		before->record->lost);
}

/* It is handed over since this commit, and nothing of it runs: the others may have been told to stop before, when it
 * could not be handed over yet. What does not run when the order begins is no part of it [change.rollout.replace]. */
static bool comes_later(const struct fuzz *f, const struct mirrored *m)
{
	return m->taken == f->commits && m->waited != m->record->handover->revision &&
	       !is_active(f, m);
}

/* [change.rollout.failure] A return goes on at once: what had to end in the version that has failed, or had no place,
 * until this commit, holds no others back. */
static bool returns_later(const struct fuzz *f, const struct mirrored *m)
{
	return m->taken == f->commits && m->record->handover->returns &&
	       (m->was_placing || m->waited != m->record->handover->revision);
}

/* Nothing hands it over to the target, or to what is the same, as its move, or its handover to another version, has still to
 * end. Where that ended in this commit, the others may have been told to stop before. */
static bool is_left_out(const struct fuzz *f, const struct submitted *s,
			const struct mirrored *m)
{
	const Samoza__V1__SlotRecord *r = m->record;
	const Samoza__V1__CopyRecord *serving = is_root_of(s, m) ? mirror_serving(f, m) : NULL;
	if (serving == NULL || r->lost || r->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
	    s->rollout.state != SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_ADVANCING ||
	    m->taken == f->commits || !is_active(f, m) ||
	    !each_declares(f, s->revisions.items[s->rollout.target - 1], r->path) ||
	    !check_rollouts_differ(s, r->path, serving->revision, s->rollout.target))
		return false;
	const Samoza__V1__HandoverRecord *h = r->handover;
	return h == NULL || !h->has_revision || !h->held ||
	       check_rollouts_differ(s, r->path, h->revision, s->rollout.target);
}

/* [change.rollout.replace] Nothing that runs stops before all that stops with it is installed. In a return what has
 * no room holds no others back [change.rollout.failure]. */
static void check_together(struct fuzz *f, const struct submitted *s)
{
	const struct mirrored *first = NULL;
	for (const struct mirrored *m = f->instances; m != NULL && first == NULL;
	     m = m->hh.next)
		if (m->taken == f->commits && stops_together(f, s, m) &&
		    m->waited == m->record->handover->revision &&
		    is_in(m, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STOPPING) &&
		    is_active(f, m))
			first = m;
	for (const struct mirrored *m = first != NULL ? f->instances : NULL; m != NULL;
	     m = m->hh.next) {
		bool waited = stops_together(f, s, m) && !is_placed_again(f, m) &&
			      !comes_later(f, m) && !returns_later(f, m);
		bool places = waited && !m->record->handover->returns &&
			      is_in(m, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PLACING);
		if (places ||
		    (waited && is_in(m, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PREPARING)))
			world_violate(&f->world,
				      "%s stops for its new version, and %s, which stops with "
				      "it, is not installed",
				      first->id, m->id);
		if (is_left_out(f, s, m))
			world_violate(&f->world,
				      "%s stops for its new version, and %s, which stops with "
				      "it, is not being handed over",
				      first->id, m->id);
	}
}

/* Its incumbent stops in one order with others, since before this commit. */
static bool still_stops(const struct fuzz *f, const struct mirrored *m)
{
	return m->record != NULL && m->record->handover != NULL && m->record->handover->held &&
	       is_in(m, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STOPPING) &&
	       (m->taken != f->commits || m->was_stopping);
}

/* [change.rollout.replace] One ordered stop, then start: no successor takes over from what stopped in it while
 * another one that stops with it runs. */
static void check_started_together(struct fuzz *f, const struct mirrored *m)
{
	const Samoza__V1__SlotRecord *r = m->record;
	if (r == NULL || r->handover == NULL || !r->handover->held || m->taken != f->commits ||
	    !m->was_stopping || !is_in(m, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STARTING))
		return;
	for (const struct mirrored *other = f->instances; other != NULL; other = other->hh.next)
		if (still_stops(f, other) && !other->record->lost &&
		    str_equal(other->record->application, r->application) &&
		    other->record->handover->revision == r->handover->revision &&
		    is_active(f, other))
			world_violate(&f->world,
				      "%s starts in its new version, and %s, which stops with "
				      "it, has not stopped",
				      m->id, other->id);
}

/* ---- canaries ---- */

static bool is_below(const struct topology *t, const struct space *space, const char *name)
{
	for (; strcmp(space->name, name) != 0; space = &t->spaces[space->parent])
		if (space->parent < 0)
			return false;
	return true;
}

/* Every instance of the unit that `other` declares is one in `t`, too. */
static bool has_members_of(const struct topology *t, const struct topology *other,
			   const char *root)
{
	int first = names_find(other, root);
	for (unsigned k = 0; first >= 0 && k < other->instances[first].subtree_count; k++)
		if (names_find(t, other->instances[(unsigned)first + k].path) < 0)
			return false;
	return true;
}

bool check_rollouts_differ(const struct submitted *s, const char *root, uint32_t from,
			   uint32_t to)
{
	const Samoza__V1__RevisionRecord *before = s->packages.items[from - 1];
	const Samoza__V1__RevisionRecord *after = s->packages.items[to - 1];
	const struct topology *t = s->revisions.items[to - 1];
	struct topology_diff diff = {0};
	bool found = false;
	int instance = names_find(t, root);
	if (from == to || instance < 0)
		return from != to;
	topology_diff(&(struct topology_version){before->topology, before->artifacts},
		      &(struct topology_version){after->topology, after->artifacts}, &diff);
	for (size_t k = 0; k < t->space_count && k < diff.spaces.count; k++)
		found = found || (diff.spaces.items[k].verdict == SPACE_REPLACED &&
				  is_below(t, &t->spaces[k],
					   instance_space(t, (unsigned)instance)->name));
	topology_diff_done(&diff);
	/* [change.submit.verdict-unchanged] One that only gets members, or only loses some, stays where it is. */
	return found || renames(t, s->revisions.items[from - 1], root) ||
	       (!has_members_of(t, s->revisions.items[from - 1], root) &&
		!has_members_of(s->revisions.items[from - 1], t, root));
}

/* [change.rollout.blue-green] Of what is served until the switch, what has to be handed over then. It is noted, as its zhost may be
 * lost, or it may be undeployed meanwhile: what joins it at the switch waits on. */
static void note_changes(struct fuzz *f, const struct submitted *s)
{
	uint32_t target = s->sets.target;
	for (struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
		uint32_t from = serving != NULL ? serving->revision : m->served_revision;
		if (m->record == NULL || from == 0 ||
		    !str_equal(m->record->application, s->id) ||
		    strchr(m->record->path, '/') != NULL ||
		    (m->compared[0] == from && m->compared[1] == target))
			continue;
		m->compared[0] = from;
		m->compared[1] = target;
		if (check_rollouts_differ(s, m->record->path, from, target))
			m->changes_to = target;
	}
}

void check_rollouts_begin(struct fuzz *f)
{
	vector_for_each (&f->submitted, s)
		if (s->sets.is_before)
			note_changes(f, s);
}

/* It is in the target, or on its way there. */
static bool is_led(const struct fuzz *f, const struct submitted *s, const struct mirrored *m)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	return is_in_batch(s, m) || (serving != NULL && serving->revision == s->rollout.target);
}

/* [change.counts.each] It goes, as its zhost is drained: the share is one of those that stay. */
static bool goes_with_its_zhost(const struct mirrored *m)
{
	return instance_path_is_each(m->record->path) &&
	       m->record->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED;
}

/* [change.rollout.canary] What the rollout has added is not handed over, also where its zhost has come to fit the version
 * before meanwhile. */
static bool was_added(const struct submitted *s, const struct mirrored *m)
{
	return m->added_to == s->rollout.target && !is_in_batch(s, m);
}

static void note_added(struct fuzz *f, const struct mirrored_copy *copy)
{
	const Samoza__V1__CopyRecord *r = copy->record;
	const struct submitted *s = r != NULL ? fuzz_submitted(f, r->application) : NULL;
	if (s == NULL || s->rollout.target == 0 || r->revision != s->rollout.target ||
	    !instance_path_is_each(r->path) ||
	    each_declares(f, s->revisions.items[s->rollout.from - 1], r->path))
		return;
	CLEANUP(freep) char *id = str_printf("%s/%s", r->application, r->path);
	mirrored_instance(f, id)->added_to = s->rollout.target;
}

/* [change.rollout.canary] Of a single instance a copy runs beside the one that serves, and does not take over
 * while that one is there. */
static bool takes_over_early(const struct submitted *s, const struct mirrored *m)
{
	const Samoza__V1__HandoverRecord *h = m->record->handover;
	return is_in_batch(s, m) &&
	       h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_DRAINING;
}

static void check_space(struct fuzz *f, const struct submitted *s, const struct space *space)
{
	const struct topology *t = s->revisions.items[s->rollout.target - 1];
	uint32_t count = 0,
		 share = rollout_spec_share(&s->policies.items[s->rollout.target - 1],
					    s->rollout.step, space->instance_count);
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		int instance = is_root_of(s, m) ? names_find(t, m->record->path) : -1;
		if (instance < 0 || instance_space(t, (unsigned)instance) != space ||
		    !is_led(f, s, m) || was_added(s, m) || goes_with_its_zhost(m) ||
		    !each_declares(f, s->revisions.items[s->rollout.from - 1],
				   m->record->path) ||
		    !check_rollouts_differ(s, m->record->path, s->rollout.from,
					   s->rollout.target))
			continue;
		count++;
		if (stops_first(t, m->record->path) && is_in_batch(s, m))
			world_violate(&f->world,
				      "%s stops first, and changes before the last "
				      "promotion of its canary",
				      m->id);
		if (space->instance_count == 1 && takes_over_early(s, m))
			world_violate(&f->world,
				      "the only instance %s changes before the last "
				      "promotion of its canary",
				      m->id);
	}
	if (count > share)
		world_violate(&f->world,
			      "%u of %s/%s are in the new version, or on their way, "
			      "more than %u in step %u of its canary",
			      count, s->name, space->name, share, s->rollout.step + 1);
}

static bool is_in_steps(const struct submitted *s)
{
	const struct rollout_spec *spec =
		s->rollout.target != 0 ? &s->policies.items[s->rollout.target - 1] : NULL;
	return spec != NULL && spec->policy == ROLLOUT_CANARY && !s->rollout.at_once &&
	       s->rollout.step < spec->step_count &&
	       s->rollout.state != SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING;
}

static void check_canary(struct fuzz *f, const struct submitted *s)
{
	const struct topology *t = s->revisions.items[s->rollout.target - 1];
	for (unsigned k = 0; k < t->space_count; k++)
		if (t->spaces[k].parent < 0)
			check_space(f, s, &t->spaces[k]);
}

/* ---- what does not change ---- */

/* A member has joined its unit with a rollout that was superseded, and may differ now. */
static bool has_joined(const struct fuzz *f, const Samoza__V1__CopyRecord *r)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->placement == r->placement &&
		    m->record->has_unit_revision &&
		    str_equal(m->record->application, r->application))
			return true;
	return false;
}

/* [change.submit.verdict-unchanged] What a rollout hands over because it changes, does. */
static void check_touched(struct fuzz *f, const struct submitted *s)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__HandoverRecord *h =
			m->taken == f->commits && is_root_of(s, m) ? m->record->handover : NULL;
		const Samoza__V1__CopyRecord *serving =
			h != NULL && h->has_revision ? mirror_serving(f, m) : NULL;
		if (serving == NULL || !is_before_switch(h) ||
		    !(str_has_prefix(h->cause, "rollout to ") ||
		      (str_has_prefix(h->cause, "back to ") &&
		       !str_has_prefix(h->cause, "back to a place "))))
			continue;
		if (!has_joined(f, serving) &&
		    !check_rollouts_differ(s, m->record->path, serving->revision, h->revision))
			world_violate(&f->world,
				      "%s is handed over from revision %u to %u, which do not "
				      "differ in it",
				      m->id, serving->revision, h->revision);
	}
}

void check_rollouts_committed(struct fuzz *f)
{
	vector_for_each (&f->new_copies, id)
		note_added(f, mirrored_copy(f, *id));
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		check_started_together(f, m);
	vector_for_each (&f->submitted, s) {
		if (is_in_steps(s))
			check_canary(f, s);
		if (s->rollout.target != 0) {
			check_touched(f, s);
			check_together(f, s);
		}
	}
	vector_for_each (&f->submitted, s)
		for (const struct mirrored *m = s->rollout.target != 0 ? f->instances : NULL;
		     m != NULL; m = m->hh.next)
			check_kind(f, s, m);
	vector_for_each (&f->submitted, s)
		if (s->rollout.target != 0 && !s->rollout.at_once &&
		    s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_ADVANCING &&
		    s->policies.items[s->rollout.target - 1].policy == ROLLOUT_ROLLING)
			check_batch(f, s);
}

/* ---- at rest ---- */

static bool may_stay(const struct fuzz *f, const struct mirrored *m)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	return serving != NULL && serving->undeploy_failed; /* until somebody asks */
}

/* A copy of it is kept: of the version that was served at the switch, which may be one that was superseded. */
static bool has_kept_copy(const struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->role == SAMOZA__V1__ROLE__ROLE_KEPT &&
		    str_equal(m->record->application, r->application) &&
		    str_equal(m->record->path, r->path))
			return true;
	return false;
}

/* [change.submit.verdict-added] [change.submit.completes] Once a rollout has ended, there is what is served. */
static void check_members(struct fuzz *f, const struct submitted *s)
{
	if (s->rollout.target != 0)
		return;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__SlotRecord *r = m->record;
		if (r == NULL || !str_equal(r->application, s->id))
			continue;
		if (names_find(s->topology, r->path) < 0 && !may_stay(f, m) &&
		    !check_sets_keeps(s, r->path) && !has_kept_copy(f, r))
			world_violate(&f->world,
				      "%s is in no version that is wanted, and stays", m->id);
		/* [change.counts.numbered] */
		if (!r->has_serving && !instance_path_is_each(r->path) &&
		    names_find(s->topology, r->path) >= 0 &&
		    topology_find_instance(s->topology, r->path) < 0)
			world_violate(&f->world,
				      "%s has no copy, and a name of another version", m->id);
		if (r->unplaced)
			world_violate(&f->world,
				      "%s does not count, and no rollout is under way", m->id);
	}
}

/* [change.submit.completes] [change.rollout.failure] Once a rollout has ended, however it did, all is as what is
 * served declares it. */
static void check_current(struct fuzz *f, const struct submitted *s)
{
	for (const struct mirrored *m = s->rollout.target == 0 ? f->instances : NULL; m != NULL;
	     m = m->hh.next) {
		const Samoza__V1__CopyRecord *serving =
			is_root_of(s, m) ? mirror_serving(f, m) : NULL;
		/* What the version that is served has removed stays with what is kept. */
		bool is_kept = m->record != NULL && each_is_only_kept(f, s, m->record->path);
		if (serving != NULL && !may_stay(f, m) && !is_kept &&
		    check_rollouts_differ(s, m->record->path, serving->revision, s->served))
			world_violate(&f->world,
				      "%s is of revision %u, and no rollout leads it to %u",
				      m->id, serving->revision, s->served);
	}
}

/* [change.handover.room] Nothing waits for the room of a second copy, but for that of a canary. */
static void check_no_surge(struct fuzz *f, const struct submitted *s)
{
	if (!s->rollout.no_surge ||
	    s->policies.items[s->rollout.target - 1].policy == ROLLOUT_CANARY)
		return;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__HandoverRecord *h =
			m->record != NULL ? m->record->handover : NULL;
		const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
		if (h != NULL && h->has_revision && serving != NULL && !serving->lost &&
		    str_equal(m->record->application, s->id) && !m->record->moving &&
		    m->record->goal != SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED &&
		    h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_START_FIRST &&
		    h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PLACING)
			world_violate(&f->world, "%s waits for room for a second copy", m->id);
	}
}

/* [change.rollout] [change.loss.replace-after] Nothing waits but for a place, for a zhost that is to bring an
 * instance back, for people, or for what does not run. */
void check_rollouts(struct fuzz *f)
{
	vector_for_each (&f->submitted, s) {
		Samoza__V1__TopologyView *v = NULL;
		CLEANUP(error_freep) struct error *err = NULL;
		if (control_view_topology(f->world.control, s->id, &v, &err) < 0)
			continue;
		check_members(f, s);
		check_no_surge(f, s);
		const Samoza__V1__RolloutView *r = v->rollout;
		check_current(f, s);
		if (r != NULL && strcmp(r->state, "paused") != 0 &&
		    (strcmp(r->state, "waiting") != 0 || r->promotes_at != NULL) &&
		    strcmp(v->state, "running") == 0 &&
		    strstr(r->detail, " waits for room on ") == NULL &&
		    strstr(r->detail, " waits for a place") == NULL &&
		    strstr(r->detail, " waits for its zhost ") == NULL &&
		    strstr(r->detail, " waits for its move") == NULL)
			world_violate(
				&f->world,
				"%s is running, and its rollout is still %s, %u of %u (%s)",
				s->name, r->state, r->done, r->all, r->detail);
		samoza__v1__topology_view__free_unpacked(v, NULL);
	}
}
