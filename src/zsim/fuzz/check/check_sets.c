#include "zsim/fuzz/check/check_sets.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/check/check_rollouts.h"
#include "zsim/fuzz/check/imports.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

#define HANDOVER_STATE(state) SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_##state
#define ROLE(role)	      SAMOZA__V1__ROLE__ROLE_##role

bool check_sets_runs_beside(const Samoza__V1__CopyRecord *r)
{
	return r != NULL && r->active &&
	       (r->role == ROLE(SHARING) || r->role == ROLE(KEPT) ||
		r->role == ROLE(SUCCESSOR));
}

static bool declares(const struct submitted *s, uint32_t revision, const char *path)
{
	return names_find(fuzz_revision(s, revision), path) >= 0;
}

/* An instance of the space does, whatever has added it: also a rollout that was superseded. */
static bool changes(const struct fuzz *f, const struct submitted *s, const struct topology *t,
		    const struct space *space)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		const Samoza__V1__SlotRecord *r = m->record;
		int index = r != NULL && m->changes_to == s->sets.target &&
					    str_equal(r->application, s->id)
				    ? names_find(t, r->path)
				    : -1;
		if (index >= 0 && instance_space(t, (unsigned)index) == space)
			return true;
	}
	return false;
}

bool check_sets_joins_later(const struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	const struct submitted *s = fuzz_submitted(f, r->application);
	if (s == NULL || !(s->sets.is_before || s->sets.switched == f->commits) ||
	    !declares(s, s->sets.target, r->path) || declares(s, s->rollout.from, r->path))
		return false;
	const struct topology *t = fuzz_revision(s, s->sets.target);
	const struct space *space = instance_space(t, (unsigned)names_find(t, r->path));
	return changes(f, s, t, space);
}

bool check_sets_keeps(const struct submitted *s, const char *path)
{
	return s->sets.kept != 0 && declares(s, s->sets.kept, path);
}

/* ---- the switch ---- */

static bool is_blue_green(const struct submitted *s, uint32_t target, bool at_once,
			  bool steps_back)
{
	return target != 0 &&
	       (steps_back ||
		(!at_once && s->policies.items[target - 1].policy == ROLLOUT_BLUE_GREEN));
}

void check_sets_take(struct fuzz *f, struct submitted *s,
		     const Samoza__V1__ApplicationRecord *record)
{
	const Samoza__V1__RolloutRecord *r = record->rollout;
	bool is_one = r != NULL && is_blue_green(s, r->target, r->at_once, r->steps_back);
	s->sets.was_before = s->sets.is_before;
	s->sets.is_before = is_one && r->step == 0 &&
			    r->state != SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING;
	/* In this commit everything that is led to that revision takes over. */
	s->sets.switched = s->sets.was_before && !s->sets.is_before && is_one &&
					   s->rollout.target == r->target && r->step == 1
				   ? f->commits
				   : 0;
	s->sets.target = is_one ? r->target : 0;
	s->sets.kept = record->kept_set != NULL ? record->kept_set->revision : 0;
}

/* Handed over to the target, because it changes. */
static bool is_led(const struct submitted *s, const struct mirrored *m)
{
	const Samoza__V1__HandoverRecord *h =
		m->record != NULL && str_equal(m->record->application, s->id)
			? m->record->handover
			: NULL;
	return h != NULL && m->record->goal != SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED &&
	       h->has_revision && h->revision == s->sets.target && !h->returns &&
	       str_has_prefix(h->cause, "rollout to ");
}

static bool has_taken_over(const Samoza__V1__HandoverRecord *h)
{
	bool stops = h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_STOP_FIRST;
	return h->state == HANDOVER_STATE(STOPPING) || h->state == HANDOVER_STATE(STARTING) ||
	       h->state == HANDOVER_STATE(DRAINING) || h->state == HANDOVER_STATE(RETURNING) ||
	       h->state == HANDOVER_STATE(RETIRING) ||
	       (stops && h->state == HANDOVER_STATE(PROVING));
}

/* [change.counts.each] Others do not wait for what belongs to a zhost that is lost. */
static bool waits_for_its_zhost(const struct mirrored *m)
{
	return m->record->lost && instance_path_is_each(m->record->path);
}

/* Nothing alone before, and nothing is left over afterwards: what is not served, and is optional, is placed in the new
 * version then. */
static void check_switch(struct fuzz *f, const struct submitted *s)
{
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		if (!is_led(s, m))
			continue;
		if (s->sets.is_before && has_taken_over(m->record->handover))
			world_violate(&f->world,
				      "%s changes before everything else of its blue-green "
				      "rollout is ready",
				      m->id);
		if (s->sets.switched == f->commits && m->record->has_serving &&
		    !has_taken_over(m->record->handover) &&
		    m->record->handover->state != HANDOVER_STATE(REMOVING) &&
		    !waits_for_its_zhost(m))
			world_violate(&f->world,
				      "%s does not change with everything else of its "
				      "blue-green rollout",
				      m->id);
	}
}

/* [change.rollout.blue-green] One that is kept never serves, nor does it write. */
static void check_kept(struct fuzz *f)
{
	for (const struct mirrored_copy *c = f->copies; c != NULL; c = c->hh.next) {
		const struct mirrored *m =
			c->record != NULL && c->record->role == ROLE(KEPT)
				? mirror_find(f, c->record->application, c->record->path)
				: NULL;
		if (m != NULL && m->record != NULL &&
		    (m->record->serving == c->record->epoch ||
		     (m->record->has_serving && m->record->writer == c->record->epoch)))
			world_violate(&f->world, "%s is kept, and serves or writes", c->id);
	}
}

void check_sets_committed(struct fuzz *f)
{
	vector_for_each (&f->submitted, s)
		if (s->sets.target != 0)
			check_switch(f, s);
	check_kept(f);
}

/* ---- who talks with whom ---- */

/* NULL: there is none. */
static const Samoza__V1__CopyRecord *kept_of(const struct fuzz *f, const char *application,
					     const char *path)
{
	for (const struct mirrored_copy *c = f->copies; c != NULL; c = c->hh.next)
		if (c->record != NULL && c->record->role == ROLE(KEPT) &&
		    str_equal(c->record->application, application) &&
		    str_equal(c->record->path, path))
			return c->record;
	return NULL;
}

/* What `provider` exports, as a process knows it: "FROM from PATH: a=1 b=2". */
static char *line_of(const struct import_decl *import, const Samoza__V1__CopyRecord *provider)
{
	VECTOR(const char *) names = {0};
	VECTOR(const char *) values = {0};
	for (size_t k = 0; k < provider->n_exports; k++) {
		vector_push(&names, provider->exports[k]->name);
		vector_push(&values, provider->exports[k]->value);
	}
	char *line = imports_provider_line(import, provider->path, names.items, values.items,
					   names.count);
	vector_done(&names);
	vector_done(&values);
	return line;
}

static bool has_line(const struct sim_process *p, const char *line)
{
	CLEANUP(freep) char *copy = mem_strdup(p->imports != NULL ? p->imports : "");
	char *rest = NULL;
	for (char *known = strtok_r(copy, "\n", &rest); known != NULL;
	     known = strtok_r(NULL, "\n", &rest))
		if (str_equal(known, line))
			return true;
	return false;
}

static void check_import(struct fuzz *f, const struct sim_process *p, const struct topology *t,
			 const struct import_decl *import)
{
	for (unsigned k = 0; k < import->provider_count; k++) {
		const struct space *space = &t->spaces[import->providers[k]];
		for (unsigned n = 0; n < space->instance_count; n++) {
			const char *path = t->instances[space->instances[n]].path;
			const Samoza__V1__CopyRecord *kept = kept_of(f, p->topology, path);
			if (kept == NULL || !kept->active || str_equal(path, p->path))
				continue;
			CLEANUP(freep) char *line = line_of(import, kept);
			if (!has_line(p, line))
				world_violate(&f->world,
					      "%s is kept, and does not know the kept "
					      "provider %s",
					      p->id, line);
		}
	}
}

void check_sets_imports(struct fuzz *f)
{
	for (const struct mirrored_copy *c = f->copies; c != NULL; c = c->hh.next) {
		const Samoza__V1__CopyRecord *r = c->record;
		if (r == NULL || r->role != ROLE(KEPT) || !r->active || r->lost)
			continue;
		const struct sim_machine *n = mirror_machine(f, r->zhost);
		const struct sim_process *p = n != NULL ? process_find(n, c->id) : NULL;
		const struct topology *t =
			fuzz_revision(fuzz_submitted(f, r->application), r->revision);
		int instance = names_find(t, r->path);
		if (p == NULL || p->imports == NULL)
			continue;
		const struct space *space = instance_space(t, (unsigned)instance);
		for (unsigned k = 0; k < space->import_count; k++)
			check_import(f, p, t, &space->imports[k]);
	}
}
