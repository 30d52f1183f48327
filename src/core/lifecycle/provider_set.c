#include "core/lifecycle/provider_set.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"

#define each_own(set, p) \
	for (struct provider_set *p = (set)->providers; p != NULL; p = (p)->hh.next)

/* A public one that a slot set knows. */
struct shared_set {
	struct provider_set *p; /* borrowed; by its name */
	UT_hash_handle hh;
};

/* ---- names ---- */

static struct provider_set *set_new(struct lifecycle *l, char *take_name)
{
	struct provider_set *p = mem_new(struct provider_set);
	p->name = take_name;
	p->lifecycle = l;
	return p;
}

struct provider_set *provider_set_own(struct slot_set *set, const char *name)
{
	struct provider_set *found = NULL;
	HASH_FIND_STR(set->providers, name, found);
	if (found == NULL) {
		found = set_new(set->lifecycle, mem_strdup(name));
		HASH_ADD_KEYPTR(hh, set->providers, found->name, strlen(found->name), found);
	}
	return found;
}

struct provider_set *provider_set_public(struct slot_set *set, const char *topology,
					 const char *name)
{
	struct lifecycle *l = set->lifecycle;
	CLEANUP(freep) char *full = str_printf("%s/%s", topology, name);
	struct provider_set *found = NULL;
	struct shared_set *known = NULL;
	HASH_FIND_STR(set->shared_by_name, full, known);
	if (known != NULL)
		return known->p;
	HASH_FIND_STR(l->shared, full, found);
	if (found == NULL) {
		found = set_new(l, steal_ptr(&full));
		found->topology = mem_strdup(topology);
		HASH_ADD_KEYPTR(hh, l->shared, found->name, strlen(found->name), found);
	}
	found->users++;
	vector_push(&set->shared, found);
	known = mem_new(struct shared_set);
	known->p = found;
	HASH_ADD_KEYPTR(hh, set->shared_by_name, found->name, strlen(found->name), known);
	return found;
}

struct slot_set *lifecycle_slot_set(const struct lifecycle *l, const char *name)
{
	struct slot_set *set = NULL;
	HASH_FIND_STR(l->sets, name, set);
	return set;
}

/* ---- who is in them ---- */

static void clear_own(struct provider_set *p)
{
	vector_clear(&p->slots);
	vector_clear(&p->importers);
	vector_clear(&p->patiences);
}

/* Of a public one: what others provide and import stays. */
static void clear_part(struct provider_set *p, const struct slot_set *of)
{
	size_t slots = 0, importers = 0, patiences = 0;
	vector_for_each (&p->slots, s)
		if ((*s)->set != of)
			p->slots.items[slots++] = *s;
	vector_for_each (&p->importers, importer)
		if (importer->set != of)
			p->importers.items[importers++] = *importer;
	vector_for_each (&p->patiences, patience)
		if (patience->of != of)
			p->patiences.items[patiences++] = *patience;
	p->slots.count = slots;
	p->importers.count = importers;
	p->patiences.count = patiences;
}

void provider_sets_clear(struct slot_set *set)
{
	each_own(set, p) clear_own(p);
	vector_for_each (&set->shared, p)
		clear_part(*p, set);
}

static void add_patience(struct provider_set *p, const struct slot_set *of, uint32_t ms)
{
	if (ms == 0)
		return;
	vector_for_each (&p->patiences, known)
		if (known->of == of && known->ms == ms)
			return;
	vector_push(&p->patiences, ((struct import_patience){of, ms}));
}

void provider_set_add_importer(struct provider_set *p, struct importer importer,
			       uint32_t patience_ms)
{
	vector_push(&p->importers, importer);
	add_patience(p, importer.set, patience_ms);
}

void provider_set_append(struct provider_set *p, struct slot *s)
{
	if (p->slots.count > 0 && *vector_last(&p->slots) == s)
		return; /* several revisions declare it */
	PRE(p->slots.count == 0 || (*vector_last(&p->slots))->id < s->id);
	vector_push(&p->slots, s);
}

static int compare_ids(const void *pa, const void *pb)
{
	const struct slot *const *a = pa, *const *b = pb;
	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* Several revisions may declare the same. */
static void sort_slots(struct provider_set *p)
{
	if (p->slots.count < 2)
		return;
	qsort(p->slots.items, p->slots.count, sizeof(struct slot *), compare_ids);
	size_t kept = 1;
	for (size_t k = 1; k < p->slots.count; k++)
		if (p->slots.items[k] != p->slots.items[kept - 1])
			p->slots.items[kept++] = p->slots.items[k];
	p->slots.count = kept;
}

static int compare_importers(const void *pa, const void *pb)
{
	const struct importer *a = pa, *b = pb;
	if (a->set != b->set)
		return strcmp(a->set->name, b->set->name);
	return (a->space > b->space) - (a->space < b->space);
}

void importers_normalise(importer_list *list)
{
	if (list->count == 0)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_importers);
	size_t kept = 1;
	for (size_t k = 1; k < list->count; k++) {
		struct importer *last = &list->items[kept - 1];
		if (compare_importers(last, &list->items[k]) == 0)
			last->mandatory = last->mandatory || list->items[k].mandatory;
		else
			list->items[kept++] = list->items[k];
	}
	list->count = kept;
}

static void sort(struct provider_set *p)
{
	sort_slots(p);
	importers_normalise(&p->importers);
}

void provider_sets_sort(struct slot_set *set)
{
	each_own(set, p) sort(p);
	vector_for_each (&set->shared, p)
		sort(*p);
}

/* ---- the end ---- */

static void set_free(struct provider_set *p)
{
	heap_remove(&p->lifecycle->patience_timers, &p->patience_timer);
	vector_done(&p->slots);
	vector_done(&p->importers);
	vector_done(&p->patiences);
	free(p->topology);
	free(p->name);
	free(p);
}

void provider_sets_free(struct slot_set *set)
{
	struct provider_set *p = NULL, *next = NULL;
	HASH_ITER (hh, set->providers, p, next) {
		HASH_DEL(set->providers, p);
		set_free(p);
	}
	struct shared_set *known = NULL, *next_known = NULL;
	HASH_ITER (hh, set->shared_by_name, known, next_known) {
		HASH_DEL(set->shared_by_name, known);
		free(known);
	}
	vector_for_each (&set->shared, shared) {
		if (--(*shared)->users > 0)
			continue;
		HASH_DEL(set->lifecycle->shared, *shared);
		set_free(*shared);
	}
	vector_done(&set->shared);
}
