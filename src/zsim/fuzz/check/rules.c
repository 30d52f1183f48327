/*
 * The rules of [lifecycle.start] and [lifecycle.dependency] over what was
 * committed: after every commit, each instance that depends on a change has changed with it.
 */

#include "zsim/fuzz/check/rules.h"

#include "base/str.h"
#include "core/lifecycle/state.h"
#include "zsim/fuzz/check/across.h"
#include "zsim/fuzz/check/check_patience.h"
#include "zsim/fuzz/check/check_secrets.h"
#include "zsim/fuzz/check/family.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/world.h"

static enum instance_state state_of(const struct family *y, unsigned instance)
{
	const struct mirrored *m = y->members[instance];
	enum instance_state state = STATE_NOT_DEPLOYED;
	if (m != NULL && m->state != NULL)
		(void)state_parse(m->state, &state);
	return state;
}

static bool is_started(const struct family *y, unsigned instance)
{
	return state_of(y, instance) == STATE_DEPLOYED_STARTED;
}

const char *family_missing_import(const struct family *y, unsigned instance)
{
	const struct space *s = instance_space(y->topology, instance);
	for (unsigned k = 0; k < s->import_count; k++) {
		bool found = s->imports[k].optional ||
			     (s->imports[k].topology != NULL &&
			      across_has_provider(y->fuzz, &s->imports[k]));
		for (unsigned p = 0; p < s->imports[k].provider_count && !found; p++) {
			const struct space *provider =
				&y->topology->spaces[s->imports[k].providers[p]];
			for (unsigned n = 0; n < provider->instance_count; n++)
				found |= provider->instances[n] != instance &&
					 is_started(y, provider->instances[n]);
		}
		if (!found)
			return s->imports[k].from;
	}
	return NULL;
}

/* Somebody wants it to run, where it is. */
static bool is_wanted(const struct family *y, unsigned instance)
{
	const struct mirrored *m = y->members[instance];
	if (m == NULL || m->record == NULL ||
	    m->record->goal != SAMOZA__V1__GOAL__GOAL_DEPLOYED_STARTED)
		return false;
	unsigned root = instance;
	while (y->topology->instances[root].parent >= 0)
		root = (unsigned)y->topology->instances[root].parent;
	const struct mirrored *r = y->members[root];
	return r == NULL || r->record == NULL || !r->record->moving;
}

/* Started, and not due to stop: what a child depends on. `at_most`: STAY_UNCLEAR where in doubt it is. */
static bool is_up(const struct fuzz *f, const struct family *y, unsigned instance,
		  enum stay at_most)
{
	int parent = y->topology->instances[instance].parent;
	const char *import = NULL;
	return is_started(y, instance) && is_wanted(y, instance) &&
	       stay_of(f, y, instance, f->event_ms, &import) <= at_most &&
	       (parent < 0 || is_up(f, y, (unsigned)parent, at_most));
}

static bool has_active_below(const struct family *y, unsigned instance)
{
	unsigned end = instance + y->topology->instances[instance].subtree_count;
	for (unsigned below = instance + 1; below < end; below++)
		if (state_is_active(state_of(y, below)))
			return true;
	return false;
}

static void check_one(struct fuzz *f, const struct family *y, unsigned instance)
{
	const struct instance_decl *decl = &y->topology->instances[instance];
	enum instance_state state = state_of(y, instance);
	const char *missing = family_missing_import(y, instance);
	bool orphan = decl->parent >= 0 && !is_up(f, y, (unsigned)decl->parent, STAY_UNCLEAR);
	bool in_doubt = decl->parent >= 0 && !is_up(f, y, (unsigned)decl->parent, STAY_MAY);
	const char *lost = NULL;
	if (state == STATE_DEPLOYED_STARTED &&
	    stay_of(f, y, instance, f->event_ms, &lost) != STAY_NOT)
		lost = NULL;
	if (state == STATE_DEPLOYED_STARTED && is_wanted(y, instance) &&
	    (lost != NULL || orphan) && !has_active_below(y, instance))
		world_violate(&f->world, "%s/%s stays deployed-started %s%s", y->name,
			      decl->path,
			      lost != NULL ? "without a provider of " : "under its parent",
			      lost != NULL ? lost : ", which is not started");
	if (state == STATE_UNRESOLVED && missing == NULL &&
	    check_secrets_missing(f, y->name, instance_space(y->topology, instance)) == NULL)
		world_violate(&f->world, "%s/%s is unresolved, but lacks no provider", y->name,
			      decl->path);
	if (state == STATE_UNRESOLVED && orphan)
		world_violate(&f->world,
			      "%s/%s is unresolved under a parent that is not started", y->name,
			      decl->path);
	if (state == STATE_WAITING_FOR_ANCESTOR && !orphan && !in_doubt)
		world_violate(&f->world, "%s/%s waits for an ancestor that is started", y->name,
			      decl->path);
}

bool rules_may_run(struct fuzz *f, const struct submitted *s, const char *path)
{
	struct family y = family_of(f, s);
	int index = names_find(s->topology, path);
	bool may_run = index >= 0;
	for (int i = index; may_run && i >= 0; i = y.topology->instances[i].parent)
		may_run = family_missing_import(&y, (unsigned)i) == NULL &&
			  (i == index || is_started(&y, (unsigned)i));
	free(y.members);
	return may_run;
}

void rules_check_stop(struct fuzz *f, const struct submitted *s, const char *path)
{
	int index = names_find(s->topology, path);
	if (index < 0)
		return;
	struct family y = family_of(f, s);
	if (has_active_below(&y, (unsigned)index))
		world_violate(&f->world, "%s/%s stops before what is inside of it", s->name,
			      path);
	free(y.members);
}

void rules_check_undeploy(struct fuzz *f, const struct submitted *s, const char *path)
{
	int index = names_find(s->topology, path);
	if (index < 0)
		return;
	struct family y = family_of(f, s);
	instance_for_each_child (y.topology, (unsigned)index, child) {
		if (state_of(&y, child) != STATE_NOT_DEPLOYED)
			world_violate(&f->world, "%s/%s is undeployed before %s inside of it",
				      s->name, path, y.topology->instances[child].path);
	}
	free(y.members);
}

void rules_check(struct fuzz *f, const struct submitted *s)
{
	if (fuzz_has_other_members(f, s))
		return;
	struct family y = family_of(f, s);
	for (unsigned i = 0; i < s->topology->instance_count; i++)
		check_one(f, &y, i);
	free(y.members);
}
