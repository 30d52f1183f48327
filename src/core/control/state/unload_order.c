#include "core/control/state/unload_order.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/lifecycle/components.h"

#define for_each_retired(a, it)                                                            \
	vector_for_each (&(a)->retired, unit_)                                             \
		vector_for_each (&(*unit_)->placement.copies, item_)                       \
			for (struct copy *it = container_of(*item_, struct copy, of_slot); \
			     it != NULL; it = NULL)

/* ---- what active copies need ---- */

typedef VECTOR(char *) key_list;

static void keys_done(key_list *keys)
{
	vector_for_each (keys, key)
		free(*key);
	vector_done(keys);
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
static void list_needs(const struct copy *copy, enum counted counted, key_list *ret)
{
	const struct space *space = space_of(copy);
	const char *path = copy_path(copy);
	for (unsigned k = 0; k < space->import_count; k++)
		if (counted == COUNT_ALL ||
		    (counted == COUNT_MANDATORY && !space->imports[k].optional))
			vector_push(ret, name_key(copy, space->imports[k].from));
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/'))
		vector_push(ret, path_key(copy, path, (size_t)(slash - path)));
}

/* As what others may need it. */
static void list_names(const struct copy *copy, key_list *ret)
{
	const struct space *space = space_of(copy);
	const char *path = copy_path(copy);
	vector_push(ret, path_key(copy, path, strlen(path)));
	vector_push(ret, name_key(copy, space->name));
	for (unsigned k = 0; k < space->provide_count; k++)
		vector_push(ret, name_key(copy, space->provides[k]));
}

/* A provider's name in a revision, or a path of a placement: how many active copies need it. */
struct need {
	char *key;
	size_t count;
	uint32_t node;		 /* of a graph of them */
	const struct copy *last; /* one of them */
	UT_hash_handle hh;
};

static struct need *find_need(struct need *needs, const char *key)
{
	struct need *found = NULL;
	HASH_FIND_STR(needs, key, found);
	return found;
}

static void add_need(struct need **needs, const char *key, const struct copy *user)
{
	struct need *need = find_need(*needs, key);
	if (need == NULL) {
		need = mem_new(struct need);
		need->key = mem_strdup(key);
		need->node = HASH_COUNT(*needs);
		HASH_ADD_KEYPTR(hh, *needs, need->key, strlen(need->key), need);
	}
	if (need->last != user)
		need->count++;
	need->last = user;
}

static struct need *needs_of(const struct control_application *a, enum counted counted)
{
	struct need *needs = NULL;
	for_each_retired (a, user) {
		CLEANUP(keys_done) key_list keys = {0};
		if (user->of_slot.active)
			list_needs(user, counted, &keys);
		vector_for_each (&keys, key)
			add_need(&needs, *key, user);
	}
	return needs;
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

/* By another copy than itself. */
static bool is_needed(struct need *needs, const struct copy *copy)
{
	CLEANUP(keys_done) key_list names = {0};
	list_names(copy, &names);
	vector_for_each (&names, name) {
		const struct need *need = find_need(needs, *name);
		if (need != NULL && (need->count > 1 || need->last != copy))
			return true;
	}
	return false;
}

/* ---- circles ---- */

/* Copies, and the names that active ones need, as nodes of a graph: a copy leads to what it needs, a name to who
 * has it. */
struct circles {
	VECTOR(struct copy *) copies; /* the first nodes */
	VECTOR(struct arc) arcs;      /* by their beginning */
	uint32_t *component;	      /* by node */
	bool *is_held;		      /* by component: something outside of it needs it */
	bool *is_open;		      /* by component: something of it goes */
};

static int compare_arcs(const void *pa, const void *pb)
{
	const struct arc *a = pa, *b = pb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void add_arcs_of(struct circles *circles, struct need *needs, uint32_t node)
{
	const struct copy *copy = circles->copies.items[node];
	uint32_t first_need = (uint32_t)circles->copies.count;
	CLEANUP(keys_done) key_list wanted = {0};
	CLEANUP(keys_done) key_list names = {0};
	if (copy->of_slot.active)
		list_needs(copy, COUNT_ALL, &wanted);
	list_names(copy, &names);
	vector_for_each (&wanted, key)
		vector_push(&circles->arcs,
			    ((struct arc){node, first_need + find_need(needs, *key)->node}));
	vector_for_each (&names, key) {
		const struct need *need = find_need(needs, *key);
		if (need != NULL)
			vector_push(&circles->arcs,
				    ((struct arc){first_need + need->node, node}));
	}
}

static void circles_find(struct circles *ret, const struct control_application *a)
{
	struct need *needs = needs_of(a, COUNT_ALL);
	*ret = (struct circles){0};
	for_each_retired (a, copy)
		vector_push(&ret->copies, copy);
	for (uint32_t node = 0; node < ret->copies.count; node++)
		add_arcs_of(ret, needs, node);
	if (ret->arcs.count > 0)
		qsort(ret->arcs.items, ret->arcs.count, sizeof(*ret->arcs.items), compare_arcs);
	uint32_t node_count = (uint32_t)ret->copies.count + HASH_COUNT(needs);
	ret->component = mem_new_array(uint32_t, node_count);
	uint32_t count =
		components_find(node_count, ret->arcs.items, ret->arcs.count, ret->component);
	ret->is_held = mem_new_array(bool, count);
	ret->is_open = mem_new_array(bool, count);
	vector_for_each (&ret->arcs, arc)
		if (ret->component[arc->from] != ret->component[arc->to])
			ret->is_held[ret->component[arc->to]] = true;
	needs_done(&needs);
}

static void circles_done(struct circles *circles)
{
	vector_done(&circles->copies);
	vector_done(&circles->arcs);
	free(circles->component);
	free(circles->is_held);
	free(circles->is_open);
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
static bool release_free(struct control_application *a)
{
	bool going = false;
	struct need *needs = needs_of(a, COUNT_ALL);
	for_each_retired (a, copy) {
		if (waits(copy) && !is_needed(needs, copy))
			unload_order_release(copy);
		going = going || (!waits(copy) && copy->of_slot.active);
	}
	needs_done(&needs);
	return going;
}

/* Of each circle that nothing outside of it holds up, unless something of it goes already. */
static void release_in_circles(struct control_application *a, struct circles *circles,
			       enum counted counted)
{
	VECTOR(uint32_t) opened = {0};
	struct need *needs = needs_of(a, counted);
	for (size_t k = 0; k < circles->copies.count; k++) {
		struct copy *copy = circles->copies.items[k];
		uint32_t circle = circles->component[k];
		if (circles->is_held[circle] || circles->is_open[circle] || !waits(copy) ||
		    is_needed(needs, copy))
			continue;
		unload_order_release(copy);
		vector_push(&opened, circle);
	}
	vector_for_each (&opened, circle)
		circles->is_open[*circle] = true;
	vector_done(&opened);
	needs_done(&needs);
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
	if (!any_waits(a) || release_free(a) || !any_waits(a))
		return;
	/* In a circle optional imports hold up nothing, then no import does; children always go before
	 * their parents [lifecycle.group.cycles]. */
	struct circles circles;
	circles_find(&circles, a);
	release_in_circles(a, &circles, COUNT_MANDATORY);
	release_in_circles(a, &circles, COUNT_CHILDREN);
	circles_done(&circles);
}

void unload_order_run(struct control *c)
{
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_UNLOAD) != 0)
			run(*a);
}
