#include "zsim/fuzz/check_rollouts.h"

#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/draws.h"
#include "zsim/fuzz/fuzz.h"
#include "zsim/fuzz/mirrored.h"
#include "zsim/world/world.h"

/* ---- batches ---- */

void check_rollouts_take(struct submitted *s, const Samoza__V1__RolloutRecord *rollout)
{
	memset(&s->rollout, 0, sizeof(s->rollout));
	if (rollout == NULL)
		return;
	s->rollout.target = rollout->target;
	s->rollout.state = rollout->state;
	s->rollout.at_once = rollout->at_once;
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
		int index = topology_find_instance(t, m->record->path);
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
	size_t length = strlen(root);
	for (unsigned k = 0; k < t->instance_count; k++) {
		const char *path = t->instances[k].path;
		if (strncmp(path, root, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/') &&
		    instance_space(t, k)->stops_first)
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
		     stops_first(s->revisions.items[serving->revision - 1], m->record->path);
	bool starts = h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_START_FIRST;
	bool is_step_back = s->rollout.at_once && h->revision == s->rollout.target;
	bool at_once = !h->returns && !is_step_back &&
		       s->policies.items[h->revision - 1].policy == ROLLOUT_REPLACE;
	if (starts && stops)
		world_violate(&f->world, "%s stops first, and is handed over start-first",
			      m->id);
	if (!starts && !stops && !at_once && !draws_have(f, DRAW_PROTOCOLS))
		world_violate(&f->world,
			      "%s may run beside its successor, and is handed over stop-first",
			      m->id);
}

void check_rollouts_committed(struct fuzz *f)
{
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

/* [change.submit.verdict-added] [change.submit.completes] Once a rollout has ended, there is what is served. */
static void check_members(struct fuzz *f, const struct submitted *s)
{
	if (s->rollout.target != 0)
		return;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__SlotRecord *r = m->record;
		if (r == NULL || !str_equal(r->application, s->id))
			continue;
		if (topology_find_instance(s->topology, r->path) < 0 && !may_stay(f, m))
			world_violate(&f->world,
				      "%s is in no version that is wanted, and stays", m->id);
		if (r->unplaced)
			world_violate(&f->world,
				      "%s does not count, and no rollout is under way", m->id);
	}
}

/* [change.rollout] Nothing waits but for a place, for people, or for what does not run. */
void check_rollouts(struct fuzz *f)
{
	vector_for_each (&f->submitted, s) {
		Samoza__V1__TopologyView *v = NULL;
		CLEANUP(error_freep) struct error *err = NULL;
		if (control_view_topology(f->world.control, s->id, &v, &err) < 0)
			continue;
		check_members(f, s);
		const Samoza__V1__RolloutView *r = v->rollout;
		if (r != NULL && strcmp(r->state, "paused") != 0 &&
		    strcmp(v->state, "running") == 0 &&
		    strstr(r->detail, " waits for a place") == NULL &&
		    strstr(r->detail, " waits for its move") == NULL)
			world_violate(
				&f->world,
				"%s is running, and its rollout is still %s, %u of %u (%s)",
				s->name, r->state, r->done, r->all, r->detail);
		samoza__v1__topology_view__free_unpacked(v, NULL);
	}
}
