#include "core/application/application.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

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

static void slot_free(struct application_slot *slot)
{
	INVARIANT(slot->first == NULL);
	HASH_DEL(slot->application->slots, slot);
	free(slot->path);
	free(slot);
}

void application_done(struct application_registry *r, struct application *a)
{
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
	HASH_DEL(r->by_name, a);
	free(a->name);
}

/* ---- slots ---- */

struct application_slot *application_find_slot(const struct application *a, const char *path)
{
	struct application_slot *slot = NULL;
	if (path != NULL)
		HASH_FIND_STR(a->slots, path, slot);
	return slot;
}

struct application_slot *application_slot(struct application *a, const char *path)
{
	struct application_slot *slot = application_find_slot(a, path);
	if (slot == NULL) {
		slot = mem_new(struct application_slot);
		slot->application = a;
		slot->path = mem_strdup(path);
		HASH_ADD_KEYPTR(hh, a->slots, slot->path, strlen(slot->path), slot);
	}
	return slot;
}

void application_trim_slots(struct application *a)
{
	struct application_slot *slot = NULL, *next = NULL;
	HASH_ITER (hh, a->slots, slot, next)
		if (slot->first == NULL && !slot->declared)
			slot_free(slot);
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
