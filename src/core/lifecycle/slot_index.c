#include "core/lifecycle/slot_index.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/provider_set.h"

uint32_t slot_set_space(struct slot_set *set, const char *name)
{
	struct slot_space *space = NULL;
	HASH_FIND_STR(set->spaces_by_name, name, space);
	if (space == NULL) {
		space = mem_new(struct slot_space);
		space->name = mem_strdup(name);
		space->id = (uint32_t)set->spaces.count;
		vector_push(&set->spaces, space);
		HASH_ADD_KEYPTR(hh, set->spaces_by_name, space->name, strlen(name), space);
	}
	return space->id;
}

/* Every slot of the revision is a possible provider under the names of its declaration. */
static void add_providers(const struct slot_set *set, const struct declarations *d)
{
	vector_for_each (&set->slots, s) {
		const struct declaration *declared = declarations_of(d, *s);
		for (unsigned k = 0; declared != NULL && k < declared->provide_count; k++)
			vector_push(&declared->provides[k]->slots, *s);
	}
}

static void collect_importers(struct slot_set *set, const struct declaration *importer)
{
	uint32_t id = slot_set_space(set, importer->space->name);
	for (unsigned k = 0; k < importer->space->import_count; k++) {
		const struct import_decl *import = &importer->space->imports[k];
		provider_set_add_importer(importer->imports[k],
					  (struct importer){.set = set,
							    .space = id,
							    .mandatory = !import->optional},
					  import->patience_ms);
	}
}

static void merge_importers(struct declaration *provider)
{
	vector_clear(&provider->importers);
	for (unsigned k = 0; k < provider->provide_count; k++)
		vector_for_each (&provider->provides[k]->importers, importer)
			vector_push(&provider->importers, *importer);
	importers_normalise(&provider->importers);
}

/* Of what provides `only`; NULL: of all. */
static void merge_all(const struct slot_set *set, const struct provider_set *only)
{
	vector_for_each (&set->declarations, d)
		for (unsigned n = 0; n < (*d)->topology->space_count; n++)
			if (only == NULL || declaration_provides(&(*d)->spaces[n], only))
				merge_importers(&(*d)->spaces[n]);
}

/* Those of `count: each` that have come since it was indexed: it grows by as much as it has. */
static void index_added(const struct slot_set *set, struct declarations *d, uint32_t first)
{
	PRE(d->instance_count == first);
	for (uint32_t k = first; k < set->slots.count; k++) {
		if ((k & (k - 1)) == 0 || k == first) {
			uint32_t room = 1;
			while (room <= k)
				room *= 2;
			d->instances = mem_resize(d->instances, room, sizeof(int32_t));
		}
		d->instances[k] =
			topology_find_instance(d->topology, set->slots.items[k]->path);
	}
	d->instance_count = (uint32_t)set->slots.count;
}

/* They have the highest numbers, so each list stays sorted. */
static void add_added_providers(const struct slot_set *set, uint32_t first)
{
	for (uint32_t k = first; k < set->slots.count; k++)
		vector_for_each (&set->declarations, d) {
			struct slot *s = set->slots.items[k];
			const struct declaration *declared = declarations_of(*d, s);
			for (unsigned n = 0; declared != NULL && n < declared->provide_count;
			     n++)
				provider_set_append(declared->provides[n], s);
		}
}

static void index_instances(const struct slot_set *set, struct declarations *d)
{
	free(d->instances);
	d->instance_count = (uint32_t)set->slots.count;
	d->instances = mem_new_array(int32_t, d->instance_count);
	for (uint32_t k = 0; k < d->instance_count; k++)
		d->instances[k] = -1;
	for (unsigned i = 0; i < d->topology->instance_count; i++)
		if (d->slots[i] != NULL)
			d->instances[d->slots[i]->id] = (int32_t)i;
	for (const struct slot *s = set->each_by_path; s != NULL; s = s->hh.next)
		d->instances[s->id] = topology_find_instance(d->topology, s->path);
}

/* Which spaces provide for which: all sets that this application knows, and its own part of those that it
 * shares. */
void slot_index_providers(struct slot_set *set)
{
	provider_sets_clear(set);
	vector_for_each (&set->declarations, d) {
		add_providers(set, *d);
		for (unsigned n = 0; n < (*d)->topology->space_count; n++)
			collect_importers(set, &(*d)->spaces[n]);
	}
	provider_sets_sort(set);
	merge_all(set, NULL);
	vector_for_each (&set->shared, shared) {
		if (str_equal((*shared)->topology, set->name))
			continue;
		const struct slot_set *other =
			lifecycle_slot_set(set->lifecycle, (*shared)->topology);
		if (other != NULL)
			merge_all(other, *shared);
	}
}

/* After a change of slots or declarations. */
void slot_index_all(struct slot_set *set)
{
	vector_for_each (&set->declarations, d)
		index_instances(set, *d);
	slot_index_providers(set);
}

void slot_index_added(struct slot_set *set, uint32_t first)
{
	vector_for_each (&set->declarations, d)
		index_added(set, *d, first);
	add_added_providers(set, first);
}
