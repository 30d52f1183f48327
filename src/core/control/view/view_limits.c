/* By what spaces are held to their `resources`, and by what zrms is closed to NATIVE ones [machines.anonymous.native]: a NATIVE space by what its zhost says that it has, a WebAssembly
 * space by its runtime. What is not enforced is said with the reason. [formats.topology.cpu-limit] */
#include "base/memory.h"
#include "base/str.h"
#include "core/control/view/view_parts.h"
#include "model/space_kind.h"
#include "schema/message.h"

enum { LIMITS_MAX = 5 };

struct limits {
	Samoza__V1__LimitView *items[LIMITS_MAX];
	size_t count;
};

/* In the words of REST; what a later version says is passed on as it is. */
static const char *word_of(const char *group)
{
	if (str_equal(group, "cgroup2"))
		return "control-group-2";
	return str_equal(group, "cgroup1") ? "control-group-1" : group;
}

static void add(struct limits *l, const char *resource, const char *by, const char *why)
{
	Samoza__V1__LimitView *v = mem_new(Samoza__V1__LimitView);
	samoza__v1__limit_view__init(v);
	v->resource = mem_strdup(resource);
	v->by = mem_strdup(by);
	v->why = mem_strdup(why);
	l->items[l->count++] = v;
}

static void add_group(struct limits *l, const char *resource, const char *group,
		      const char *why)
{
	add(l, resource, word_of(group), group != NULL ? NULL : why);
}

static Samoza__V1__LimitView **take(const struct limits *l, size_t *ret_count)
{
	Samoza__V1__LimitView **items = mem_new_array(Samoza__V1__LimitView *, l->count + 1);
	for (size_t k = 0; k < l->count; k++)
		items[k] = l->items[k];
	*ret_count = l->count;
	return items;
}

/* Without a group for cpu the share is a nice value, and a limit is none. */
static void add_native(struct limits *l, const Samoza__V1__Limits *of, bool has_cpu_limit,
		       bool reaches_zrms)
{
	add_group(l, "memory", of->memory, of->why);
	add(l, "cpu", of->cpu != NULL ? word_of(of->cpu) : "nice",
	    of->cpu != NULL ? NULL : of->why);
	if (has_cpu_limit)
		add_group(l, "cpu_limit", of->cpu, of->why);
	add_group(l, "processes", of->processes, of->why);
	if (!reaches_zrms && (of->ports != NULL || of->ports_why != NULL))
		add(l, "zrms_ports", of->ports, of->ports_why);
}

void view_zhost_limits(const struct control_zhost *z, Samoza__V1__ZhostView *v)
{
	struct limits l = {0};
	if (z->limits != NULL)
		add_native(&l, z->limits, true, false);
	v->limits = take(&l, &v->n_limits);
}

void view_space_limits(const struct slot_control *sc, Samoza__V1__SpaceView *v)
{
	bool is_placed = slot_is_placed(sc);
	const struct space *space = slot_declared_space(sc->slot);
	bool has_cpu_limit = space->cpu_limit_millicores > 0;
	struct limits l = {0};
	if (is_placed && space_kind_of_type(space->type)->has_recipes) {
		const Samoza__V1__Limits *of = slot_zhost(sc)->limits;
		if (of != NULL)
			add_native(&l, of, has_cpu_limit, space->api != API_NONE);
	} else if (is_placed && space_kind_of_type(space->type)->has_module) {
		add(&l, "memory", "module", NULL);
		add(&l, "cpu", "nice", NULL);
		if (has_cpu_limit)
			add(&l, "cpu_limit", "pauses", NULL);
	}
	v->limits = take(&l, &v->n_limits);
}
