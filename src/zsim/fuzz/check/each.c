#include "zsim/fuzz/check/each.h"

#include <string.h>

#include "base/str.h"
#include "model/compile.h"
#include "zsim/fuzz/check/check_machines.h"
#include "zsim/fuzz/check/place.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

static bool is_listed(const char *const *names, unsigned count, const char *name)
{
	for (unsigned k = 0; k < count; k++)
		if (str_equal(names[k], name))
			return true;
	return false;
}

int each_compile(const struct fuzz *f, const Samoza__V1__Topology *message,
		 struct topology **ret_topology)
{
	CLEANUP(freep)
	const char **names =
		mem_new_array(const char *, f->world.machines.count + MACHINE_NAMES);
	unsigned count = 0;
	vector_for_each (&f->world.machines, n)
		if (!is_listed(names, count, (*n)->name))
			names[count++] = (*n)->name;
	for (unsigned k = 0; draws_have(f, DRAW_MACHINES) && k < MACHINE_NAMES; k++)
		if (!is_listed(names, count, machine_names[k]))
			names[count++] = machine_names[k];
	const struct topology_options options = {.each_on = names, .each_on_count = count};
	return topology_compile(message, NULL, &options, NULL, ret_topology, NULL);
}

bool each_declares(const struct fuzz *f, const struct topology *t, const char *path)
{
	CLEANUP(freep) char *name = instance_path_zhost(path);
	CLEANUP(freep) char *root_path = mem_strndup(path, strcspn(path, "/"));
	int root = topology_find_instance(t, root_path);
	struct mirrored_zhost *z = NULL;
	if (name == NULL || root < 0)
		return names_find(t, path) >= 0;
	HASH_FIND_STR(f->zhosts, name, z);
	return z != NULL && z->record != NULL && !z->record->removed &&
	       place_suits(t, (unsigned)root, z);
}

bool each_is_only_kept(const struct fuzz *f, const struct submitted *s, const char *path)
{
	return s->sets.kept != 0 && !each_declares(f, s->topology, path) &&
	       each_declares(f, fuzz_revision(s, s->sets.kept), path);
}

void check_each_copy(struct fuzz *f, const struct mirrored_copy *m)
{
	CLEANUP(freep) char *own = instance_path_zhost(m->record->path);
	if (own != NULL && !str_equal(own, m->record->zhost))
		world_violate(&f->world, "%s is placed on %s", m->id, m->record->zhost);
}

/* ---- at rest ---- */

static bool is_drained(const struct mirrored_zhost *z)
{
	return z->record->drain != NULL &&
	       z->record->drain->state != SAMOZA__V1__DRAIN_STATE__DRAIN_ENDED;
}

static void check_one(struct fuzz *f, const struct submitted *s, unsigned root)
{
	const char *path = s->topology->instances[root].path;
	const struct mirrored *m = mirror_find(f, s->id, path);
	bool is_there = m != NULL && m->record != NULL;
	CLEANUP(freep) char *name = instance_path_zhost(path);
	struct mirrored_zhost *z = NULL;
	HASH_FIND_STR(f->zhosts, name, z);
	bool is_known = z != NULL && z->record != NULL && !z->record->removed;
	bool suits = is_known && place_suits(s->topology, root, z);
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	bool may_stay = serving != NULL && serving->undeploy_failed;
	if (is_there && !suits && !may_stay && !each_is_only_kept(f, s, path))
		world_violate(&f->world, "%s/%s is there, and its zhost does not fit", s->name,
			      path);
	/* A drain that waits for others leaves it where it is, and lets none appear. */
	if (is_known && is_drained(z))
		return;
	if (!is_there && suits && place_has_company_of(f, s, root, z))
		world_violate(&f->world, "%s/%s is not there, and its zhost fits", s->name,
			      path);
	if (is_there)
		draws_happened(f, DRAW_EACH);
}

void check_each(struct fuzz *f, const struct submitted *s)
{
	if (s->rollout.target != 0)
		return;
	for (unsigned k = 0; k < s->topology->instance_count; k++)
		if (s->topology->instances[k].parent < 0 &&
		    instance_space(s->topology, k)->each)
			check_one(f, s, k);
}
