#include "core/control/provider_lists.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/control/desired_set.h"
#include "core/control/provider_list.h"
#include "core/control/state.h"
#include "schema/message.h"

/* Of the link: from here on a zhost takes lists. */
#define PROTOCOL_OF_LISTS 3

struct list_on_zhost {
	struct shared_list *list;     /* borrowed */
	struct control_zhost *zhost;  /* borrowed */
	struct provider_lists *lists; /* borrowed */
	uint32_t zhost_index;	      /* key */
	uint32_t named;		      /* by so many copies */
	uint64_t link_id;	      /* on which it has the present version; 0: on none */
	bool is_unnamed;	      /* it is in lists->unnamed */
	UT_hash_handle hh;
};

struct shared_list {
	struct provider_list content;
	const struct provider_set *set;	 /* key */
	bool is_detached;		 /* its slots are gone; it goes with the last zhost */
	uint64_t refreshed;		 /* in the flush of that number */
	struct list_on_zhost *on_zhosts; /* by zhost_index; NULL: the content is not kept */
	struct shared_list *next;	 /* of the same set, with other variables */
	UT_hash_handle hh;
};

/* ---- lists of an application ---- */

static bool has_same_variables(const struct provider_list *a, const struct import_decl *b)
{
	if (a->variables.count != b->variable_count)
		return false;
	for (unsigned k = 0; k < b->variable_count; k++)
		if (!str_equal(a->variables.items[k], b->variables[k]))
			return false;
	return true;
}

static struct shared_list *find(const struct control_application *a,
				const struct provider_set *set,
				const struct import_decl *import)
{
	struct shared_list *list = NULL;
	HASH_FIND_PTR(a->import_lists.by_set, &set, list);
	while (list != NULL && !has_same_variables(&list->content, import))
		list = list->next;
	return list;
}

static struct shared_list *find_or_add(struct control_application *a,
				       const struct provider_set *set,
				       const struct import_decl *import)
{
	struct shared_list *first = NULL, *list = find(a, set, import);
	if (list != NULL)
		return list;
	HASH_FIND_PTR(a->import_lists.by_set, &set, first);
	list = mem_new(struct shared_list);
	list->set = set;
	provider_list_init(&list->content, ++a->control->provider_lists.next_id, set, import);
	if (first == NULL) {
		HASH_ADD_PTR(a->import_lists.by_set, set, list);
	} else {
		list->next = first->next;
		first->next = list;
	}
	return list;
}

static void shared_list_free(struct shared_list *list)
{
	provider_list_done(&list->content);
	free(list);
}

void import_lists_detach(struct import_lists *lists)
{
	while (lists->by_set != NULL) {
		struct shared_list *next = lists->by_set;
		HASH_DEL(lists->by_set, next);
		for (struct shared_list *list; (list = next) != NULL;) {
			next = list->next;
			list->is_detached = true;
			if (list->on_zhosts == NULL)
				shared_list_free(list);
		}
	}
	*lists = (struct import_lists){0};
}

/* ---- lists on zhosts ---- */

static bool takes_lists(const struct control_zhost *z)
{
	return z->protocol >= PROTOCOL_OF_LISTS;
}

static bool has_list(const struct list_on_zhost *on)
{
	return on->link_id != 0 && on->link_id == on->zhost->link_id;
}

static struct list_on_zhost *list_on_zhost(struct shared_list *list, struct control *c,
					   struct control_zhost *z)
{
	struct list_on_zhost *on = NULL;
	HASH_FIND(hh, list->on_zhosts, &z->index, sizeof(z->index), on);
	if (on != NULL)
		return on;
	if (list->on_zhosts == NULL) {
		struct provider_changes all = {0};
		(void)provider_list_refresh(&list->content, &all);
		provider_changes_done(&all);
	}
	on = mem_new(struct list_on_zhost);
	on->list = list;
	on->zhost = z;
	on->lists = &c->provider_lists;
	on->zhost_index = z->index;
	HASH_ADD(hh, list->on_zhosts, zhost_index, sizeof(on->zhost_index), on);
	return on;
}

static void list_on_zhost_free(struct list_on_zhost *on)
{
	struct shared_list *list = on->list;
	HASH_DEL(list->on_zhosts, on);
	free(on);
	if (list->on_zhosts != NULL)
		return;
	provider_list_clear(&list->content);
	if (list->is_detached)
		shared_list_free(list);
}

static void refresh(struct shared_list *list, uint64_t flush)
{
	struct provider_changes changes = {0};
	if (list->refreshed == flush)
		return;
	list->refreshed = flush;
	if (list->on_zhosts != NULL && provider_list_refresh(&list->content, &changes)) {
		struct list_on_zhost *on = list->on_zhosts;
		for (; on != NULL; on = on->hh.next)
			if (has_list(on))
				desired_set_add_list(
					on->zhost,
					provider_list_change_message(&list->content, &changes));
	}
	provider_changes_done(&changes);
}

/* What the space imports in this revision. */
static void refresh_lists(const struct control_application *a, const struct declarations *d,
			  const char *space, uint64_t flush)
{
	int index = topology_find_space(d->topology, space);
	const struct declaration *declared = index >= 0 ? &d->spaces[index] : NULL;
	for (unsigned k = 0; declared != NULL && k < declared->space->import_count; k++) {
		struct shared_list *list =
			find(a, declared->imports[k], &declared->space->imports[k]);
		if (list != NULL)
			refresh(list, flush);
	}
}

void import_lists_refresh(struct control_application *a, uint32_t space)
{
	const char *name = a->slots.spaces.items[space]->name;
	vector_for_each (&a->slots.declarations, d)
		refresh_lists(a, *d, name, a->control->count.flushes + 1);
}

/* ---- copies ---- */

/* A copy stays on its zhost, and its revision imports the same. */
static void hold(struct copy *copy)
{
	struct control_application *a = copy->unit->application;
	const struct declaration *declared = copy->declared;
	unsigned count = declared->space->import_count;
	if (copy->lists != NULL || count == 0)
		return;
	copy->lists = mem_new_array(struct list_on_zhost *, count);
	copy->list_count = count;
	for (unsigned k = 0; k < count; k++) {
		struct shared_list *list =
			find_or_add(a, declared->imports[k], &declared->space->imports[k]);
		copy->lists[k] = list_on_zhost(list, a->control, copy_zhost(copy));
		copy->lists[k]->named++;
	}
}

static void name_list(struct list_on_zhost *on)
{
	if (has_list(on))
		return;
	desired_set_add_list(on->zhost, provider_list_message(&on->list->content));
	on->link_id = on->zhost->link_id;
}

/* For a zhost that does not take lists. */
static void add_inline(Samoza__V1__DesiredInstance *to, const struct provider_list *list,
		       const char *own_path)
{
	size_t count = to->n_imports + list->entries.count;
	to->imports = mem_resize(to->imports, count, sizeof(*to->imports));
	vector_for_each (&list->entries, entry)
		if (!str_equal(entry->provider->path, own_path))
			to->imports[to->n_imports++] =
				(Samoza__V1__Provider *)schema_message_copy(
					&entry->provider->base);
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * 0x9e3779b97f4a7c15u;
	*hash ^= *hash >> 29;
}

uint64_t import_lists_name(struct copy *copy, Samoza__V1__DesiredInstance *to)
{
	const struct slot *slot = copy->sc->slot;
	bool by_list = takes_lists(copy_zhost(copy));
	uint64_t hash = 1;
	hold(copy);
	if (by_list)
		to->import_lists = mem_new_array(uint64_t, copy->list_count);
	for (unsigned k = 0; k < copy->list_count; k++) {
		const struct provider_list *list = &copy->lists[k]->list->content;
		mix(&hash, str_hash(list->from));
		mix(&hash, provider_list_hash_for(list, slot));
		if (by_list) {
			name_list(copy->lists[k]);
			to->import_lists[to->n_import_lists++] = list->id;
		} else {
			add_inline(to, list, slot->path);
		}
	}
	return hash;
}

void import_lists_release(struct copy *copy)
{
	for (unsigned k = 0; k < copy->list_count; k++) {
		struct list_on_zhost *on = copy->lists[k];
		if (--on->named == 0 && !on->is_unnamed) {
			on->is_unnamed = true;
			vector_push(&on->lists->unnamed, on);
		}
	}
	free(copy->lists);
	copy->lists = NULL;
	copy->list_count = 0;
}

/* ---- the end of a flush ---- */

void provider_lists_trim(struct provider_lists *lists)
{
	vector_for_each (&lists->unnamed, item) {
		struct list_on_zhost *on = *item;
		on->is_unnamed = false;
		if (on->named > 0)
			continue;
		if (has_list(on))
			desired_set_drop_list(on->zhost, on->list->content.id);
		list_on_zhost_free(on);
	}
	vector_clear(&lists->unnamed);
}

void provider_lists_done(struct provider_lists *lists)
{
	vector_for_each (&lists->unnamed, on)
		list_on_zhost_free(*on);
	vector_done(&lists->unnamed);
}
