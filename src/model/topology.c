#include "model/topology.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/arena.h"
#include "model/space_kind.h"

struct topology *topology_ref(struct topology *t)
{
	PRE(t->references > 0);
	t->references++;
	return t;
}

void topology_unref(struct topology *t)
{
	if (t == NULL)
		return;
	PRE(t->references > 0);
	if (--t->references > 0)
		return;
	/* The topology itself lies in its arena. */
	arena_free(t->memory);
}

void topology_unrefp(struct topology **t)
{
	topology_unref(*t);
}

bool instance_path_is_each(const char *path)
{
	return path[strcspn(path, "@/")] == '@';
}

char *instance_path_zhost(const char *path)
{
	if (!instance_path_is_each(path))
		return NULL;
	const char *name = strchr(path, '@') + 1;
	return mem_strndup(name, strcspn(name, "/"));
}

char *instance_path_on(const char *pattern, const char *zhost)
{
	const char *at = strchr(pattern, '@');
	PRE(at != NULL);
	return str_printf("%.*s%s%s", (int)(at + 1 - pattern), pattern, zhost, at + 1);
}

/* The order of `path`, without the name of a zhost, and the path of a declared instance. */
static int compare_declared(const char *declared, const char *path)
{
	const char *at = strchr(path, '@') + 1;
	int order = strncmp(declared, path, (size_t)(at - path));
	return order != 0 ? order : strcmp(declared + (at - path), at + strcspn(at, "/"));
}

static int find_instance(const struct topology *t, const char *path,
			 int (*compare)(const char *declared, const char *path))
{
	unsigned low = 0, high = t->instance_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int c = compare(t->instances[t->by_path[middle]].path, path);

		if (c == 0)
			return (int)t->by_path[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int topology_find_instance(const struct topology *t, const char *path)
{
	int found = instance_path_is_each(path) ? find_instance(t, path, compare_declared) : -1;
	return found >= 0 ? found : find_instance(t, path, strcmp);
}

int topology_find_space(const struct topology *t, const char *name)
{
	unsigned low = 0, high = t->space_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int c = strcmp(t->spaces[t->by_name[middle]].name, name);

		if (c == 0)
			return (int)t->by_name[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int topology_find_facet(const struct topology *t, const char *name)
{
	unsigned low = 0, high = t->facet_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int c = strcmp(t->facets[middle].name, name);

		if (c == 0)
			return (int)middle;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int topology_find_path(const struct topology *t, unsigned space, const char *name,
		       unsigned *ret_other_space)
{
	const struct space *s = &t->spaces[space];
	unsigned low = 0, high = s->path_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct path_decl *path = &t->paths[s->paths[middle]];
		int c = strcmp(path->name, name);

		if (c == 0) {
			*ret_other_space = path->from == space ? path->to : path->from;
			return (int)s->paths[middle];
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

const struct space_kind *space_kind_of_type(enum space_type type)
{
	const struct space_kind *kind = space_kind_of((Samoza__V1__SpaceType)type);
	PRE(kind != NULL);
	return kind;
}

const char *space_type_name(enum space_type type)
{
	const char *name = space_kind_type_name((Samoza__V1__SpaceType)type);
	PRE(name != NULL);
	return name;
}

bool space_type_is_wasm(enum space_type type)
{
	return space_kind_of_type(type)->has_module;
}
