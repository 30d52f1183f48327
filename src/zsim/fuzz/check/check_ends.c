#include "zsim/fuzz/check/check_ends.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/check/check_rollouts.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/controller.h"
#include "zsim/world/world.h"

#define REVISIONS_KEPT 10

/* ---- the end of a rollout ---- */

void check_ends_take(struct fuzz *f, struct submitted *s,
		     const Samoza__V1__ApplicationRecord *record)
{
	const Samoza__V1__LastRolloutRecord *last = record->last_rollout;
	s->ended = 0;
	s->completed = record->completed;
	if (s->rollout.target == 0 || record->rollout != NULL)
		return;
	s->ended = f->commits;
	if (s->rollout.state == SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING &&
	    last != NULL && last->revision == s->rollout.target &&
	    (last->back_on != record->served || record->served != s->rollout.from))
		world_violate(&f->world,
			      "the rollout of %s has returned to revision %u, and %u is served "
			      "(%u before)",
			      s->name, last->back_on, record->served, s->rollout.from);
}

/* What is not to be deployed unloads, and may be of any version. */
static bool is_to_be_there(const struct fuzz *f, const struct submitted *s,
			   const struct mirrored *m)
{
	return m->record != NULL && str_equal(m->record->application, s->id) &&
	       strchr(m->record->path, '/') == NULL &&
	       m->record->goal != SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED &&
	       names_find(s->topology, m->record->path) >= 0 &&
	       !each_is_only_kept(f, s, m->record->path);
}

static void check_ended(struct fuzz *f, const struct submitted *s)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__CopyRecord *serving =
			is_to_be_there(f, s, m) ? mirror_serving(f, m) : NULL;
		if (serving != NULL &&
		    check_rollouts_differ(s, m->record->path, serving->revision, s->served))
			world_violate(&f->world,
				      "%s is of revision %u, and the rollout has ended on %u",
				      m->id, serving->revision, s->served);
	}
}

/* ---- revisions ---- */

static bool is_kept(const struct fuzz *f, const struct submitted *s, uint32_t number)
{
	CLEANUP(freep) char *id = str_printf("%s/%010" PRIu32, s->id, number);
	return sim_disk_get(&f->world.disk, RECORD_REVISION, id) != NULL;
}

static void check_revisions(struct fuzz *f, const struct submitted *s)
{
	uint32_t newest = (uint32_t)s->revisions.count;
	uint32_t first = newest > REVISIONS_KEPT ? newest - REVISIONS_KEPT + 1 : 1;
	for (uint32_t number = first; number <= newest; number++)
		if (!is_kept(f, s, number))
			world_violate(&f->world, "revision %u of %s is gone; %u is the newest",
				      number, s->name, newest);
	if (s->completed != 0 && !is_kept(f, s, s->completed))
		world_violate(&f->world, "revision %u of %s is gone, the last that completed",
			      s->completed, s->name);
}

/* ---- states ---- */

void check_ends_state(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	struct submitted *s = fuzz_submitted(f, e->topology);
	if (s == NULL || e->to == NULL)
		return;
	if (str_equal(e->to, "running"))
		s->was_running = true;
	else if (str_equal(e->to, "stopped"))
		s->was_running = false;
	else if (str_equal(e->to, "pending") && s->was_running)
		world_violate(&f->world, "%s is pending, and has been running since its start",
			      s->name);
}

void check_ends_committed(struct fuzz *f)
{
	vector_for_each (&f->submitted, s) {
		if (s->ended == f->commits && f->commits != 0) {
			check_ended(f, s);
			check_revisions(f, s);
		}
	}
}
