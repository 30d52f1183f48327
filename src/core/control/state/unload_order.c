#include "core/control/state/unload_order.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"

#define for_each_retired(a, it)                                                            \
	vector_for_each (&(a)->retired, unit_)                                             \
		vector_for_each (&(*unit_)->placement.copies, item_)                       \
			for (struct copy *it = container_of(*item_, struct copy, of_slot); \
			     it != NULL; it = NULL)

/* ---- what active copies need ---- */

/* A provider's name in a revision, or a path of a placement: how many active copies need it. */
struct need {
	char *key;
	size_t count;
	const struct copy *last; /* one of them */
	UT_hash_handle hh;
};

static struct need *find_need(struct need *needs, const char *key)
{
	struct need *found = NULL;
	HASH_FIND_STR(needs, key, found);
	return found;
}

static void add_need(struct need **needs, char *take_key, const struct copy *user)
{
	CLEANUP(freep) char *key = take_key;
	struct need *need = find_need(*needs, key);
	if (need == NULL) {
		need = mem_new(struct need);
		need->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, *needs, need->key, strlen(need->key), need);
	}
	if (need->last != user)
		need->count++;
	need->last = user;
}

static void needs_done(struct need **needs)
{
	struct need *need = NULL, *next = NULL;
	HASH_ITER (hh, *needs, need, next) {
		HASH_DEL(*needs, need);
		free(need->key);
		free(need);
	}
}

static char *name_key(const struct copy *copy, const char *name)
{
	return str_printf("%u %s", copy->unit->revision->number, name);
}

static char *path_key(const struct copy *copy, const char *path, size_t length)
{
	return str_printf("%llu/%.*s", (unsigned long long)copy->unit->epoch, (int)length,
			  path);
}

static const struct space *space_of(const struct copy *copy)
{
	const struct topology *t = copy->revision->topology;
	return instance_space(t, (unsigned)topology_find_instance(t, copy_path(copy)));
}

/* What holds up a copy: the fewer count, the more may go. */
enum counted { COUNT_ALL, COUNT_MANDATORY, COUNT_CHILDREN };

/* Its imports, as far as they count, and what it is inside of. */
static void add_needs_of(struct need **needs, const struct copy *copy, enum counted counted)
{
	const struct space *space = space_of(copy);
	const char *path = copy_path(copy);
	for (unsigned k = 0; k < space->import_count; k++)
		if (counted == COUNT_ALL ||
		    (counted == COUNT_MANDATORY && !space->imports[k].optional))
			add_need(needs, name_key(copy, space->imports[k].from), copy);
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/'))
		add_need(needs, path_key(copy, path, (size_t)(slash - path)), copy);
}

/* By another copy than itself. */
static bool is_needed_as(struct need *needs, char *take_key, const struct copy *copy)
{
	CLEANUP(freep) char *key = take_key;
	const struct need *need = find_need(needs, key);
	return need != NULL && (need->count > 1 || need->last != copy);
}

static bool is_needed(struct need *needs, const struct copy *copy)
{
	const struct space *space = space_of(copy);
	const char *path = copy_path(copy);
	if (is_needed_as(needs, path_key(copy, path, strlen(path)), copy) ||
	    is_needed_as(needs, name_key(copy, space->name), copy))
		return true;
	for (unsigned k = 0; k < space->provide_count; k++)
		if (is_needed_as(needs, name_key(copy, space->provides[k]), copy))
			return true;
	return false;
}

/* ---- whose turn it is ---- */

static bool waits(const struct copy *copy)
{
	return copy->target != TARGET_NONE && !copy->unit->draining;
}

void unload_order_release(struct copy *copy)
{
	copy_order(copy, TARGET_NONE);
}

/* What may go, goes. False: nothing may, and nothing is on its way. */
static bool release_free(struct control_application *a, enum counted counted)
{
	bool going = false;
	struct need *needs = NULL;
	for_each_retired (a, user)
		if (user->of_slot.active)
			add_needs_of(&needs, user, counted);
	for_each_retired (a, copy) {
		if (waits(copy) && !is_needed(needs, copy))
			unload_order_release(copy);
		going = going || (!waits(copy) && copy->of_slot.active);
	}
	needs_done(&needs);
	return going;
}

static bool any_waits(const struct control_application *a)
{
	for_each_retired (a, copy)
		if (waits(copy))
			return true;
	return false;
}

static void run(struct control_application *a)
{
	/* In a cycle optional imports hold up nothing, then no import does; children always go before
	 * their parents [lifecycle.group.cycles]. */
	for (enum counted counted = COUNT_ALL; any_waits(a) && counted <= COUNT_CHILDREN;
	     counted++)
		if (release_free(a, counted))
			return;
}

void unload_order_run(struct control *c)
{
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_UNLOAD) != 0)
			run(*a);
}
