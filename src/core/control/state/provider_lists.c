#include "core/control/state/provider_lists.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/control/state/apart.h"
#include "core/control/state/desired_set.h"
#include "core/control/state/provider_list.h"
#include "core/control/state/state.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/provider_set.h"
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
	struct provider_set *set; /* key */
	uint32_t patience_ms;
	bool of_providers;  /* of importers that provide it themselves */
	bool is_recorded;   /* the patience of its import lasts, as a record says */
	bool is_detached;   /* its slots are gone; it goes with the last zhost */
	uint64_t refreshed; /* in the flush of that number */
	struct list_on_zhost *on_zhosts; /* by zhost_index; NULL: the content is kept only of an
					    import with patience */
	struct shared_list *next;	 /* of the same set, with other variables or patience */
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

/* The import has patience: what it resolves to now is what importers keep later. */
static bool is_kept(const struct shared_list *list)
{
	return list->patience_ms > 0 && list->content.apart_in == NULL;
}

/* Nothing changes for its importers, although its last provider has gone. */
static bool is_frozen(const struct shared_list *list)
{
	return list->content.apart_in == NULL &&
	       patience_lasts(list->set, list->patience_ms, list->of_providers);
}

static bool is_list_of(const struct shared_list *list, const struct import_decl *import,
		       bool of_providers, bool is_apart)
{
	return (list->content.apart_in != NULL) == is_apart &&
	       has_same_variables(&list->content, import) &&
	       list->patience_ms == import->patience_ms &&
	       (import->patience_ms == 0 || list->of_providers == of_providers);
}

/* Of import `k` of the space. */
static struct shared_list *find(const struct control_application *a,
				const struct declaration *declared, unsigned k, bool is_apart)
{
	struct shared_list *list = NULL;
	HASH_FIND_PTR(a->import_lists.by_set, &declared->imports[k], list);
	bool of_providers = declaration_provides(declared, declared->imports[k]);
	while (list != NULL &&
	       !is_list_of(list, &declared->space->imports[k], of_providers, is_apart))
		list = list->next;
	return list;
}

static void fill(struct provider_list *list)
{
	struct provider_changes all = {0};
	(void)provider_list_refresh(list, &all);
	provider_changes_done(&all);
}

static struct shared_list *find_or_add(struct control_application *a,
				       const struct declaration *declared, unsigned k,
				       bool is_apart)
{
	struct provider_set *set = declared->imports[k];
	struct shared_list *first = NULL, *list = find(a, declared, k, is_apart);
	if (list != NULL)
		return list;
	HASH_FIND_PTR(a->import_lists.by_set, &set, first);
	list = mem_new(struct shared_list);
	list->set = set;
	list->of_providers = declaration_provides(declared, set);
	list->patience_ms = declared->space->imports[k].patience_ms;
	provider_list_init(&list->content, ++a->control->provider_lists.next_id, set,
			   &declared->space->imports[k], is_apart ? a : NULL);
	if (first == NULL) {
		HASH_ADD_PTR(a->import_lists.by_set, set, list);
	} else {
		list->next = first->next;
		first->next = list;
	}
	return list;
}

void import_lists_keep(struct control_application *a, const struct declarations *d)
{
	bool is_loading = a->control->loaded.applications.count > 0; /* import_lists_load() */
	for (unsigned n = 0; n < d->topology->space_count; n++) {
		const struct declaration *declared = &d->spaces[n];
		for (unsigned k = 0; k < declared->space->import_count; k++)
			if (declared->space->imports[k].patience_ms > 0) {
				struct shared_list *list = find_or_add(a, declared, k, false);
				if (!is_loading && list->on_zhosts == NULL)
					fill(&list->content);
			}
	}
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
	if (list->on_zhosts == NULL && !is_kept(list))
		fill(&list->content);
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
	if (list->is_detached)
		shared_list_free(list);
	else if (!is_kept(list))
		provider_list_clear(&list->content);
}

static void refresh(struct shared_list *list, uint64_t flush)
{
	struct provider_changes changes = {0};
	if (list->refreshed == flush || is_frozen(list))
		return;
	list->refreshed = flush;
	if ((list->on_zhosts != NULL || is_kept(list)) &&
	    provider_list_refresh(&list->content, &changes)) {
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
static void refresh_lists(struct control_application *a, const struct declarations *d,
			  const char *space, uint64_t flush)
{
	int index = topology_find_space(d->topology, space);
	const struct declaration *declared = index >= 0 ? &d->spaces[index] : NULL;
	for (unsigned k = 0; declared != NULL && k < declared->space->import_count; k++) {
		struct shared_list *apart = find(a, declared, k, true);
		struct shared_list *list = find(a, declared, k, false);
		if (apart != NULL)
			refresh(apart, flush);
		if (list == NULL)
			continue;
		if (is_frozen(list) || list->is_recorded)
			a->marks |= APPLICATION_RECORD;
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
		struct shared_list *list = find_or_add(a, declared, k, copy_is_apart(copy));
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
		if (*list->prefix != '\0' || !str_equal(entry->provider->path, own_path))
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

bool import_lists_are_known(const struct copy *copy)
{
	for (unsigned k = 0; k < copy->list_count; k++) {
		const struct shared_list *list = copy->lists[k]->list;
		if (is_frozen(list) &&
		    !provider_list_has_other(&list->content, copy_path(copy)))
			return false;
	}
	return true;
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

/* ---- patience, over a restart ---- */

static Samoza__V1__KeptImportRecord *record_new(const struct control *c,
						const struct shared_list *list)
{
	const struct provider_list *content = &list->content;
	Samoza__V1__KeptImportRecord *r = (Samoza__V1__KeptImportRecord *)schema_message_new(
		&samoza__v1__kept_import_record__descriptor);
	r->from = mem_strdup(content->from);
	r->patience_ms = list->patience_ms;
	r->until_ms = c->now.wall_ms - c->now.mono_ms +
		      patience_ends_ms(list->set, list->patience_ms, list->of_providers);
	r->has_of_providers = r->of_providers = list->of_providers;
	r->variables = mem_new_array(char *, content->variables.count);
	vector_for_each (&content->variables, variable)
		r->variables[r->n_variables++] = mem_strdup(*variable);
	r->providers = mem_new_array(Samoza__V1__Provider *, content->entries.count);
	vector_for_each (&content->entries, entry)
		r->providers[r->n_providers++] =
			(Samoza__V1__Provider *)schema_message_copy(&entry->provider->base);
	return r;
}

/* No two are equal. */
static int compare_records(const void *pa, const void *pb)
{
	const Samoza__V1__KeptImportRecord *a = *(Samoza__V1__KeptImportRecord *const *)pa;
	const Samoza__V1__KeptImportRecord *b = *(Samoza__V1__KeptImportRecord *const *)pb;
	int order = strcmp(a->from, b->from);
	if (order == 0)
		order = (a->patience_ms > b->patience_ms) - (a->patience_ms < b->patience_ms);
	if (order == 0)
		order = (a->of_providers != 0) - (b->of_providers != 0);
	for (size_t k = 0; order == 0 && k < a->n_variables && k < b->n_variables; k++)
		order = strcmp(a->variables[k], b->variables[k]);
	return order != 0
		       ? order
		       : (a->n_variables > b->n_variables) - (a->n_variables < b->n_variables);
}

void import_lists_record(const struct control_application *a, kept_import_records *ret_kept)
{
	struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (struct shared_list *list = first; list != NULL; list = list->next) {
			if (is_frozen(list))
				vector_push(ret_kept, record_new(a->control, list));
		}
	if (ret_kept->count > 1)
		qsort(ret_kept->items, ret_kept->count, sizeof(*ret_kept->items),
		      compare_records);
}

static bool is_record_of(const Samoza__V1__KeptImportRecord *r, const struct shared_list *list)
{
	if (!str_equal(r->from, list->content.from) || r->patience_ms != list->patience_ms ||
	    r->of_providers != list->of_providers ||
	    r->n_variables != list->content.variables.count)
		return false;
	for (size_t k = 0; k < r->n_variables; k++)
		if (!str_equal(r->variables[k], list->content.variables.items[k]))
			return false;
	return true;
}

static void restore(struct control_application *a, struct shared_list *list,
		    const Samoza__V1__KeptImportRecord *r)
{
	const struct instant *now = &a->control->now;
	int64_t left = r->until_ms - now->wall_ms;
	if (!is_record_of(r, list))
		return;
	if (left > r->patience_ms)
		left = r->patience_ms; /* the clock was set back */
	patience_restore(list->set, list->of_providers, now->mono_ms + left - r->patience_ms,
			 now->mono_ms + a->control->config.heartbeat_ms);
	list->is_recorded = true;
	if (is_frozen(list))
		provider_list_restore(&list->content, r->providers, r->n_providers);
}

void import_lists_load(struct control_application *a,
		       Samoza__V1__KeptImportRecord *const *records, size_t count)
{
	struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (struct shared_list *list = first; list != NULL; list = list->next) {
			fill(&list->content);
			for (size_t k = 0; k < count; k++)
				restore(a, list, records[k]);
		}
}

void import_lists_recorded(struct control_application *a)
{
	struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (struct shared_list *list = first; list != NULL; list = list->next)
			list->is_recorded = is_frozen(list);
}

/* Which of them its store holds is not known: each is written once more. */
void import_lists_continue(struct control_application *a,
			   Samoza__V1__KeptImportRecord *const *records, size_t count)
{
	struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (struct shared_list *list = first; list != NULL; list = list->next) {
			list->is_recorded = is_kept(list);
			for (size_t k = 0; k < count; k++)
				if (is_record_of(records[k], list) && is_frozen(list))
					provider_list_restore(&list->content,
							      records[k]->providers,
							      records[k]->n_providers);
		}
}

/* ---- checkpoints ---- */

/* Its content is that of its version; else it is made when it is needed. */
static bool is_filled(const struct shared_list *list)
{
	return list->content.version > 0 && (list->on_zhosts != NULL || is_kept(list));
}

static Samoza__V1__VolatileList *image_of(const struct control *c,
					  const struct shared_list *list)
{
	const struct provider_list *content = &list->content;
	Samoza__V1__VolatileList *v = (Samoza__V1__VolatileList *)schema_message_new(
		&samoza__v1__volatile_list__descriptor);
	struct provider_set *shared = NULL;
	HASH_FIND_STR(c->lifecycle.shared, list->set->name, shared);
	v->set = mem_strdup(list->set->name);
	v->public_ = shared == list->set;
	v->from = mem_strdup(content->from);
	v->variables = mem_new_array(char *, content->variables.count);
	vector_for_each (&content->variables, variable)
		v->variables[v->n_variables++] = mem_strdup(*variable);
	v->patience_ms = list->patience_ms;
	v->of_providers = list->of_providers;
	v->apart = content->apart_in != NULL;
	if (*content->prefix != '\0')
		v->topology = mem_strndup(content->prefix, strlen(content->prefix) - 1);
	v->id = content->id;
	v->version = content->version;
	v->recorded = list->is_recorded;
	v->zhosts = mem_new_array(char *, HASH_COUNT(list->on_zhosts));
	v->sent = mem_new_array(protobuf_c_boolean, HASH_COUNT(list->on_zhosts));
	for (struct list_on_zhost *on = list->on_zhosts; on != NULL; on = on->hh.next) {
		v->zhosts[v->n_zhosts++] = mem_strdup(on->zhost->name);
		v->sent[v->n_sent++] = has_list(on);
	}
	return v;
}

void import_lists_image(const struct control_application *a, list_images *ret_lists)
{
	struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (struct shared_list *list = first; list != NULL; list = list->next)
			vector_push(ret_lists, image_of(a->control, list));
}

const char *import_lists_outdated(const struct control_application *a)
{
	const struct shared_list *first = a->import_lists.by_set;
	for (; first != NULL; first = first->hh.next)
		for (const struct shared_list *list = first; list != NULL; list = list->next)
			if (list->on_zhosts != NULL && is_filled(list) && !is_frozen(list) &&
			    provider_list_is_outdated(&list->content))
				return list->content.from;
	return NULL;
}

/* It may have come with the revisions already: its place is now. */
static struct shared_list *take_out(struct import_lists *lists, struct provider_set *set,
				    const Samoza__V1__VolatileList *v,
				    const struct import_decl *import)
{
	struct shared_list *first = NULL, *before = NULL, *list;
	HASH_FIND_PTR(lists->by_set, &set, first);
	for (list = first; list != NULL; before = list, list = list->next)
		if (is_list_of(list, import, v->of_providers, v->apart))
			break;
	if (list == NULL)
		return NULL;
	if (before != NULL) {
		before->next = list->next;
	} else {
		HASH_DEL(lists->by_set, list);
		if (list->next != NULL)
			HASH_ADD_PTR(lists->by_set, set, list->next);
	}
	list->next = NULL;
	return list;
}

/* As the last of its set. */
static void put_last(struct import_lists *lists, struct shared_list *list)
{
	struct shared_list *last = NULL;
	HASH_FIND_PTR(lists->by_set, &list->set, last);
	if (last == NULL) {
		HASH_ADD_PTR(lists->by_set, set, list);
		return;
	}
	while (last->next != NULL)
		last = last->next;
	last->next = list;
}

static int restore_list(struct control_application *a, const Samoza__V1__VolatileList *v,
			bool is_sent, struct error **err)
{
	struct control *c = a->control;
	struct provider_set *set = NULL;
	const struct import_decl import = {.from = v->from,
					   .topology = v->topology,
					   .patience_ms = v->patience_ms,
					   .variables = (const char **)v->variables,
					   .variable_count = (unsigned)v->n_variables};
	struct provider_set *all = v->public_ ? c->lifecycle.shared : a->slots.providers;
	HASH_FIND_STR(all, v->set, set);
	if (set == NULL) /* of a revision that nothing follows any longer */
		set = v->public_ && v->topology != NULL
			      ? provider_set_public(&a->slots, v->topology,
						    v->set + strlen(v->topology) + 1)
			      : provider_set_own(&a->slots, v->set);
	struct shared_list *list = take_out(&a->import_lists, set, v, &import);
	if (list == NULL) {
		list = mem_new(struct shared_list);
		list->set = set;
		list->of_providers = v->of_providers;
		list->patience_ms = v->patience_ms;
		provider_list_init(&list->content, v->id, set, &import, v->apart ? a : NULL);
	}
	put_last(&a->import_lists, list);
	list->content.id = v->id;
	list->is_recorded = v->recorded;
	for (size_t k = 0; k < v->n_zhosts; k++) {
		struct control_zhost *z = zhost_find(&c->zhosts, v->zhosts[k]);
		if (z == NULL)
			return error_set(err, ERR_INVALID,
					 "the checkpoint has a list on zhost %s, which it "
					 "does not hold",
					 v->zhosts[k]);
		struct list_on_zhost *on = list_on_zhost(list, c, z);
		on->link_id = is_sent && k < v->n_sent && v->sent[k] ? z->link_id : 0;
	}
	list->content.version = v->version;
	if (v->differs) /* of an earlier zrms, which did not bring every list up to date */
		provider_list_restore(&list->content, v->providers, v->n_providers);
	else if (is_filled(list) && !is_frozen(list))
		fill(&list->content);
	list->content.version = v->version;
	return 0;
}

int import_lists_restore(struct control_application *a, Samoza__V1__VolatileList *const *images,
			 size_t count, bool is_sent, struct error **err)
{
	for (size_t k = 0; k < count; k++) {
		int result = restore_list(a, images[k], is_sent, err);
		if (result < 0)
			return result;
	}
	return 0;
}

uint64_t *import_lists_ids(const struct copy *copy, size_t *ret_count)
{
	*ret_count = copy->list_count;
	if (copy->lists == NULL)
		return NULL;
	uint64_t *ids = mem_new_array(uint64_t, copy->list_count);
	for (unsigned k = 0; k < copy->list_count; k++)
		ids[k] = copy->lists[k]->list->content.id;
	return ids;
}

static struct shared_list *find_in_set(struct shared_list *first, uint64_t id)
{
	for (struct shared_list *list = first; list != NULL; list = list->next)
		if (list->content.id == id)
			return list;
	return NULL;
}

/* It is of what the copy imports there, except where the revision imports something else by now. */
static struct shared_list *find_by_id(const struct control_application *a,
				      const struct provider_set *import, uint64_t id)
{
	struct shared_list *first = NULL;
	HASH_FIND_PTR(a->import_lists.by_set, &import, first);
	struct shared_list *list = find_in_set(first, id);
	for (first = a->import_lists.by_set; list == NULL && first != NULL;
	     first = first->hh.next)
		list = find_in_set(first, id);
	return list;
}

int import_lists_hold(struct copy *copy, const uint64_t *ids, size_t count, struct error **err)
{
	struct control_application *a = copy->unit->application;
	if (count == 0) {
		hold(copy);
		return 0;
	}
	if (count != copy->declared->space->import_count)
		return error_set(err, ERR_INVALID, "the checkpoint has %zu lists of %s", count,
				 copy_path(copy));
	import_lists_release(copy);
	copy->lists = mem_new_array(struct list_on_zhost *, count);
	for (size_t k = 0; k < count; k++) {
		struct shared_list *list = find_by_id(a, copy->declared->imports[k], ids[k]);
		if (list == NULL)
			return error_set(err, ERR_INVALID,
					 "the checkpoint has no list %llu, which %s names",
					 (unsigned long long)ids[k], copy_path(copy));
		copy->lists[k] = list_on_zhost(list, a->control, copy_zhost(copy));
		copy->lists[k]->named++;
		copy->list_count++;
	}
	return 0;
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
