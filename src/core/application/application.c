#include "core/application/application.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

void applications_done(struct application_registry *r)
{
	INVARIANT(r->by_name == NULL && r->by_id == NULL);
}

/* ---- names and ids ---- */

struct application *application_find_name(const struct application_registry *r,
					  const char *name)
{
	struct application *a = NULL;
	if (name != NULL)
		HASH_FIND_STR(r->by_name, name, a);
	return a;
}

struct application *application_find_id(const struct application_registry *r, const char *id)
{
	struct application_id *found = NULL;
	if (id != NULL)
		HASH_FIND_STR(r->by_id, id, found);
	return found != NULL ? found->application : NULL;
}

void application_add_alias(struct application_registry *r, struct application *a,
			   const char *id)
{
	if (application_find_id(r, id) != NULL)
		return;
	struct application_id *added = mem_new(struct application_id);
	added->text = mem_strdup(id);
	added->application = a;
	vector_push(&a->ids, added);
	HASH_ADD_KEYPTR(hh, r->by_id, added->text, strlen(added->text), added);
}

void application_init(struct application_registry *r, struct application *a, const char *name,
		      const char *id)
{
	PRE(application_find_name(r, name) == NULL && application_find_id(r, id) == NULL);
	*a = (struct application){.name = mem_strdup(name)};
	HASH_ADD_KEYPTR(hh, r->by_name, a->name, strlen(a->name), a);
	application_add_alias(r, a, id);
}

static void forget_alias(struct application *a, struct application_alias *alias)
{
	HASH_DEL(a->aliases, alias);
	free(alias->path);
	free(alias);
}

static void slot_free(struct application_slot *slot)
{
	struct application_alias *alias = NULL, *next = NULL;
	INVARIANT(slot->first == NULL);
	for (size_t k = slot->loose ? slot->application->loose.count : 0; k-- > 0;)
		if (slot->application->loose.items[k] == slot)
			vector_remove_at(&slot->application->loose, k);
	HASH_ITER (hh, slot->application->aliases, alias, next)
		if (alias->slot == slot)
			forget_alias(slot->application, alias);
	HASH_DEL(slot->application->slots, slot);
	free(slot->path);
	free(slot);
}

void application_done(struct application_registry *r, struct application *a)
{
	vector_done(&a->loose);
	while (a->slots != NULL)
		slot_free(a->slots);
	vector_for_each (&a->revisions, revision)
		revision_free(*revision);
	vector_done(&a->revisions);
	vector_for_each (&a->ids, item) {
		struct application_id *id = *item;
		HASH_DEL(r->by_id, id);
		free(id->text);
		free(id);
	}
	vector_done(&a->ids);
	vector_for_each (&a->owners, owner) {
		free(owner->path);
		free(owner->owner);
	}
	vector_done(&a->owners);
	HASH_DEL(r->by_name, a);
	free(a->name);
}

/* ---- slots ---- */

struct application_slot *application_find_slot(const struct application *a, const char *path)
{
	struct application_slot *slot = NULL;
	const struct application_alias *alias = NULL;
	if (path == NULL)
		return NULL;
	HASH_FIND_STR(a->slots, path, slot);
	if (slot == NULL && a->aliases != NULL)
		HASH_FIND_STR(a->aliases, path, alias);
	return alias != NULL ? alias->slot : slot;
}

void application_slot_loosen(struct application_slot *slot)
{
	if (slot->loose || slot->declared || slot->first != NULL)
		return;
	slot->loose = true;
	vector_push(&slot->application->loose, slot);
}

void application_slot_declare(struct application_slot *slot, bool declared)
{
	slot->declared = declared;
	application_slot_loosen(slot);
}

struct application_slot *application_slot(struct application *a, const char *path)
{
	struct application_slot *slot = application_find_slot(a, path);
	if (slot == NULL) {
		slot = mem_new(struct application_slot);
		slot->application = a;
		slot->path = mem_strdup(path);
		HASH_ADD_KEYPTR(hh, a->slots, slot->path, strlen(slot->path), slot);
		application_slot_loosen(slot);
	}
	return slot;
}

void application_add_name(struct application_slot *slot, const char *path)
{
	struct application *a = slot->application;
	struct application_slot *known = application_find_slot(a, path);
	PRE(known == NULL || known == slot);
	if (known != NULL)
		return;
	struct application_alias *alias = mem_new(struct application_alias);
	alias->path = mem_strdup(path);
	alias->slot = slot;
	HASH_ADD_KEYPTR(hh, a->aliases, alias->path, strlen(alias->path), alias);
}

void application_forget_names(struct application *a)
{
	while (a->aliases != NULL)
		forget_alias(a, a->aliases);
}

void application_merge_slot(struct application_slot *slot, const char *path)
{
	struct application_slot *left = application_find_slot(slot->application, path);
	if (left == NULL || left == slot)
		return;
	PRE(!left->declared && left->serving == NULL && left->next == NULL &&
	    left->standby == NULL && left->kept == NULL);
	for (struct slot_copy *copy = left->first; copy != NULL; copy = copy->next)
		copy->slot = slot;
	if (left->first != NULL) {
		left->first->previous = slot->last;
		*(slot->last != NULL ? &slot->last->next : &slot->first) = left->first;
		slot->last = left->last;
	}
	left->first = left->last = NULL;
	if (slot->writer == 0)
		slot->writer = left->writer;
	for (struct application_alias *alias = slot->application->aliases; alias != NULL;
	     alias = alias->hh.next)
		if (alias->slot == left)
			alias->slot = slot;
	CLEANUP(freep) char *name = mem_strdup(left->path);
	slot_free(left);
	application_add_name(slot, name);
}

void application_name_slot(struct application_slot *slot, const char *path)
{
	struct application *a = slot->application;
	struct application_alias *alias = NULL;
	CLEANUP(freep) char *before = slot->path;
	PRE(!str_equal(path, before));
	HASH_FIND_STR(a->aliases, path, alias);
	PRE(alias == NULL || alias->slot == slot);
	if (alias != NULL)
		forget_alias(a, alias);
	HASH_DEL(a->slots, slot);
	slot->path = mem_strdup(path);
	PRE(application_find_slot(a, path) == NULL);
	HASH_ADD_KEYPTR(hh, a->slots, slot->path, strlen(slot->path), slot);
	application_add_name(slot, before);
}

/* ---- whose data ---- */

static struct data_owner *find_owner(const struct application *a, const char *path)
{
	vector_for_each (&a->owners, owner)
		if (str_equal(owner->path, path))
			return owner;
	return NULL;
}

/* Without the name of the application. What is inside of another instance has its data below the data of that. */
static char *owner_of(const struct application *a, const char *path)
{
	const char *slash = a->owners.count > 0 ? strrchr(path, '/') : NULL;
	CLEANUP(freep) char *own = NULL;
	if (slash != NULL) {
		CLEANUP(freep) char *parent = mem_strndup(path, (size_t)(slash - path));
		CLEANUP(freep) char *of_parent = owner_of(a, parent);
		own = str_printf("%s%s", of_parent, slash);
	} else {
		own = mem_strdup(path);
	}
	const struct data_owner *owner = find_owner(a, own);
	return owner != NULL ? mem_strdup(owner->owner) : steal_ptr(&own);
}

char *application_data_owner(const struct application *a, const char *path)
{
	CLEANUP(freep) char *owner = owner_of(a, path);
	return str_printf("%s/%s", a->name, owner);
}

void application_share_data(struct application *a, const char *path, const char *from)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *was = owner_of(a, from);
	CLEANUP(freep) char *is = owner_of(a, path);
	if (str_equal(is, was))
		return;
	CLEANUP(freep)
	char *parent = slash != NULL ? mem_strndup(path, (size_t)(slash - path)) : NULL;
	CLEANUP(freep) char *of_parent = parent != NULL ? owner_of(a, parent) : NULL;
	CLEANUP(freep)
	char *own = str_printf("%s%s", of_parent != NULL ? of_parent : "",
			       slash != NULL ? slash : path);
	struct data_owner *owner = find_owner(a, own);
	if (owner == NULL) {
		owner = vector_add(&a->owners);
		*owner = (struct data_owner){.path = steal_ptr(&own)};
	}
	free(owner->owner);
	owner->owner = steal_ptr(&was);
}

static int compare_texts(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

char *application_data_clash(const struct application *a, const struct topology *t)
{
	char *clash = NULL;
	if (a->owners.count == 0)
		return NULL;
	char **all = mem_new_array(char *, t->instance_count);
	for (unsigned k = 0; k < t->instance_count; k++)
		all[k] = owner_of(a, t->instances[k].path);
	qsort(all, t->instance_count, sizeof(*all), compare_texts);
	for (unsigned k = 1; clash == NULL && k < t->instance_count; k++)
		if (str_equal(all[k], all[k - 1]))
			clash = mem_strdup(all[k]);
	for (unsigned k = 0; k < t->instance_count; k++)
		free(all[k]);
	free(all);
	return clash;
}

void application_trim_slots(struct application *a)
{
	while (a->loose.count > 0) {
		struct application_slot *slot = a->loose.items[--a->loose.count];
		slot->loose = false;
		if (slot->first == NULL && !slot->declared)
			slot_free(slot);
	}
}

/* ---- revisions ---- */

void application_add_revision(struct application *a, struct revision *take)
{
	PRE(application_revision(a, take->number) == NULL);
	size_t at = a->revisions.count;
	(void)vector_add(&a->revisions);
	for (; at > 0 && a->revisions.items[at - 1]->number > take->number; at--)
		a->revisions.items[at] = a->revisions.items[at - 1];
	a->revisions.items[at] = take;
	if (take->number > a->newest)
		a->newest = take->number;
}

struct revision *application_revision(const struct application *a, uint32_t number)
{
	vector_for_each (&a->revisions, revision)
		if ((*revision)->number == number)
			return *revision;
	return NULL;
}
