#include "core/application/application.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/instant.h"

void applications_done(struct application_registry *r)
{
	INVARIANT(r->by_name == NULL);
}

/* ---- deployments ---- */

struct application *application_find(const struct application_registry *r, const char *name)
{
	struct application *a = NULL;
	if (name != NULL)
		HASH_FIND_STR(r->by_name, name, a);
	return a;
}

void application_join(struct application_registry *r, struct application_member *member,
		      const char *name, const char *id)
{
	struct application *a = application_find(r, name);
	if (a == NULL) {
		a = mem_new(struct application);
		a->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, r->by_name, a->name, strlen(a->name), a);
	}
	member->application = a;
	member->id = id;
	member->older = a->newest;
	a->newest = member;
}

static void slot_free(struct application_slot *slot)
{
	INVARIANT(slot->first == NULL);
	HASH_DEL(slot->application->slots, slot);
	free(slot->path);
	free(slot);
}

void application_leave(struct application_registry *r, struct application_member *member)
{
	struct application *a = member->application;
	struct application_member **p = &a->newest;
	while (*p != member) {
		INVARIANT(*p != NULL);
		p = &(*p)->older;
	}
	*p = member->older;
	member->application = NULL;
	if (a->newest != NULL)
		return;
	while (a->slots != NULL)
		slot_free(a->slots);
	HASH_DEL(r->by_name, a);
	free(a->name);
	free(a);
}

struct application_member *application_current(const struct application *a)
{
	for (struct application_member *m = a->newest; m != NULL; m = m->older)
		if (!m->stopped)
			return m;
	return a->newest;
}

const char *application_id(const struct application *a)
{
	return application_current(a)->id;
}

struct application_member *application_holder(const struct application_member *member)
{
	struct application_member *current = application_current(member->application);
	return current != member && !current->stopped ? current : NULL;
}

/* ---- slots ---- */

static struct application_slot *find_or_add(struct application *a, const char *path)
{
	struct application_slot *slot = NULL;
	HASH_FIND_STR(a->slots, path, slot);
	if (slot == NULL) {
		slot = mem_new(struct application_slot);
		slot->application = a;
		slot->path = mem_strdup(path);
		HASH_ADD_KEYPTR(hh, a->slots, slot->path, strlen(slot->path), slot);
	}
	return slot;
}

void slot_copy_join(struct application *a, struct slot_copy *copy, const char *path)
{
	struct application_slot *slot = find_or_add(a, path);
	PRE(copy->slot == NULL);
	copy->slot = slot;
	copy->previous = slot->last;
	copy->next = NULL;
	*(slot->last != NULL ? &slot->last->next : &slot->first) = copy;
	slot->last = copy;
}

void slot_copy_leave(struct slot_copy *copy)
{
	struct application_slot *slot = copy->slot;
	if (slot == NULL)
		return;
	*(copy->previous != NULL ? &copy->previous->next : &slot->first) = copy->next;
	*(copy->next != NULL ? &copy->next->previous : &slot->last) = copy->previous;
	*copy = (struct slot_copy){0};
}

void slot_copy_placed(struct slot_copy *copy, uint64_t epoch)
{
	copy->epoch = epoch;
	/* Records are loaded in any order: the newest one writes. */
	if (epoch > copy->slot->writer)
		copy->slot->writer = epoch;
}

bool slot_copy_writes(const struct slot_copy *copy)
{
	return copy->epoch != 0 && copy->epoch == copy->slot->writer;
}

int64_t slot_copy_alone_at_ms(const struct slot_copy *copy, int64_t now_ms)
{
	int64_t alone = 0;
	slot_copy_for_each_other(copy, other)
	{
		if (other->active)
			return NEVER_MS;
		if (other->ends_by_ms > now_ms && other->ends_by_ms > alone)
			alone = other->ends_by_ms;
	}
	return alone;
}
