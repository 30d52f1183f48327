#include "core/lifecycle/slot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"

/* ---- the state machine ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct slot *s = object;
	snprintf(ret_name, size, "%s", s->path);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct slot *s = object;
	if (to != STATE_NOT_DEPLOYED && from != to && !s->serving.placed &&
	    from != STATE_NOT_DEPLOYED)
		return "moves, but has no place";
	if (s->closing && to != STATE_DEPLOYED_STARTED)
		return "is closing, but not started";
	if (s->stop != NULL && !state_is_active(s->state))
		return "takes part in an ordered stop, but is not active";
	return NULL;
}

const struct state_machine_type slot_machine = {
	.name = "instance",
	.states = instance_states,
	.count = INSTANCE_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

/* ---- reading ---- */

struct slot *slot_next_below(const struct slot *top, struct slot *s)
{
	if (s->first_child != NULL)
		return s->first_child;
	for (; s != top; s = s->parent)
		if (s->next_sibling != NULL)
			return s->next_sibling;
	return NULL;
}

const struct provider_set *slot_providers(const struct slot *s,
					  const struct import_decl *import)
{
	const struct declaration *declared = s->serving.declared;
	return declared->imports[import - declared->space->imports];
}

bool declaration_provides(const struct declaration *declared, const struct provider_set *set)
{
	for (unsigned k = 0; k < declared->provide_count; k++)
		if (declared->provides[k] == set)
			return true;
	return false;
}

bool slot_can_provide(const struct slot *s, const struct provider_set *set)
{
	return declaration_provides(s->serving.declared, set);
}

static bool counts_in(const struct slot *s, const struct provider_set *set)
{
	return s->state == STATE_DEPLOYED_STARTED && slot_can_provide(s, set);
}

const struct declaration *declarations_of(const struct declarations *d, const struct slot *s)
{
	int32_t instance = declarations_instance(d, s);
	return instance >= 0 ? &d->spaces[d->topology->instances[instance].space] : NULL;
}

const struct import_decl *slot_missing_import(const struct slot *s)
{
	return slot_missing_import_of(s, s->serving.declared);
}

const struct import_decl *slot_missing_import_of(const struct slot *s,
						 const struct declaration *declared)
{
	for (unsigned k = 0; k < declared->space->import_count; k++) {
		const struct import_decl *import = &declared->space->imports[k];
		const struct provider_set *set = declared->imports[k];
		if (import->optional || set->started > 1)
			continue;
		if (set->started == 0 || counts_in(s, set))
			return import;
	}
	return NULL;
}

static int compare_paths(const void *pa, const void *pb)
{
	const struct slot *const *a = pa, *const *b = pb;
	return strcmp((*a)->path, (*b)->path);
}

/* NULL: of all of them. */
static void each_started_but(const struct slot *s, const struct provider_set *set,
			     void (*each)(void *user, struct slot *provider), void *user)
{
	if (set->started == 0)
		return;
	/* Of those that provide it in some revision: what they are served in counts. */
	CLEANUP(freep) struct slot **found = mem_new_array(struct slot *, set->started);
	size_t count = 0;
	vector_for_each (&set->slots, provider)
		if (*provider != s && counts_in(*provider, set))
			found[count++] = *provider;
	qsort(found, count, sizeof(*found), compare_paths);
	for (size_t k = 0; k < count; k++)
		each(user, found[k]);
}

void slot_each_provider(const struct slot *s, const struct import_decl *import,
			void (*each)(void *user, struct slot *provider), void *user)
{
	each_started_but(s, slot_providers(s, import), each, user);
}

void provider_set_each_started(const struct provider_set *set,
			       void (*each)(void *user, struct slot *provider), void *user)
{
	each_started_but(NULL, set, each, user);
}

struct slot *slot_find_declared(const struct slot_set *set, const char *path)
{
	struct slot *found = NULL;
	if (instance_path_is_each(path)) {
		HASH_FIND_STR(set->each_by_path, path, found);
		return found;
	}
	/* Each revision finds its own instances by path. */
	vector_for_each (&set->declarations, d) {
		int index = topology_find_instance((*d)->topology, path);
		if (index >= 0 && (*d)->slots[index] != NULL)
			return (*d)->slots[index];
	}
	return NULL;
}

struct slot *slot_find(const struct slot_set *set, const char *path)
{
	struct slot *found = slot_find_declared(set, path);
	bool is_past = found == NULL && !instance_path_is_each(path);
	for (size_t k = 0; is_past && found == NULL && k < set->slots.count; k++)
		if (str_equal(set->slots.items[k]->path, path))
			found = set->slots.items[k];
	return found;
}
