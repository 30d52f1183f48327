/*
 * Instances: each space by its count, in each instance of its parent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"
#include "model/zhost.h"

/* Those of `count: each` are known. */
static bool has_zhosts(const struct compile *c)
{
	return c->options != NULL && c->options->each_on_count > 0;
}

/* In each instance of its parent. */
static unsigned count_of(const struct compile *c, const struct space *s)
{
	return s->each && has_zhosts(c) ? c->options->each_on_count : s->count;
}

/* Instances of every space, parents first; the sum against the limit. */
bool compile_count_instances(struct compile *c)
{
	struct topology *t = c->t;
	/* How many instances of each space there are in all; capped past the limit. */
	uint64_t *counts = mem_new_array(uint64_t, t->space_count + 1);
	uint64_t total = 0;

	for (unsigned i = 0; i < t->space_count; i++) {
		uint64_t count = 1;

		for (int s = (int)i; s >= 0 && count <= TOPOLOGY_MAX_INSTANCES;
		     s = t->spaces[s].parent)
			count *= count_of(c, &t->spaces[s]);
		counts[i] = count;
		total += count;
	}
	bool good = total <= TOPOLOGY_MAX_INSTANCES;
	if (!good) {
		unsigned most = 0;
		for (unsigned i = 1; i < t->space_count; i++)
			most = counts[i] > counts[most] ? i : most;
		finding(c, AT("spaces[%u].count", most),
			"the topology has more than %u instances; most of them are of '%s'",
			TOPOLOGY_MAX_INSTANCES, t->spaces[most].name);
	} else {
		for (unsigned i = 0; i < t->space_count; i++) {
			t->spaces[i].instances =
				arena_new_array(c->arena, unsigned, (size_t)counts[i]);
		}
		t->instances = arena_new_array(c->arena, struct instance_decl, (size_t)total);
		t->by_path = arena_new_array(c->arena, unsigned, (size_t)total);
	}
	free(counts);
	return good;
}

/* Depth of recursion: at most TOPOLOGY_MAX_DEPTH. `path` is that of the parent. */
static void add_instances(struct compile *c, struct space *s, int parent, const char *path,
			  bool *too_long)
{
	struct topology *t = c->t;

	for (unsigned ordinal = 1; ordinal <= count_of(c, s); ordinal++) {
		unsigned index = t->instance_count++;
		struct instance_decl *instance = &t->instances[index];
		char suffix[ZHOST_NAME_MAX_BYTES + 2] = "";

		if (s->each)
			(void)snprintf(suffix, sizeof(suffix), "@%s",
				       has_zhosts(c) ? c->options->each_on[ordinal - 1] : "");
		else if (s->numbered)
			(void)snprintf(suffix, sizeof(suffix), "-%u", ordinal);
		size_t prefix = parent >= 0 ? strlen(path) + 1 : 0;
		size_t size = prefix + strlen(s->name) + strlen(suffix) + 1;
		char *text = arena_alloc(c->arena, size, 1);
		(void)snprintf(text, size, "%s%s%s%s", path, parent >= 0 ? "/" : "", s->name,
			       suffix);
		*instance = (struct instance_decl){.path = text,
						   .name = text + prefix,
						   .space = s->index,
						   .parent = parent,
						   .ordinal = ordinal,
						   .is_pattern = instance_path_is_each(text) &&
								 !has_zhosts(c)};
		s->instances[s->instance_count++] = index;
		if (size - 1 + (instance->is_pattern ? ZHOST_NAME_MAX_BYTES : 0) >
		    INSTANCE_PATH_MAX_BYTES)
			*too_long = true;
		for (unsigned i = 0; i < s->child_count; i++)
			add_instances(c, &t->spaces[s->children[i]], (int)index, text,
				      too_long);
		t->instances[index].subtree_count = t->instance_count - index;
	}
}

static int compare_paths(const void *a, const void *b, void *context)
{
	const struct topology *t = context;

	return strcmp(t->instances[*(const unsigned *)a].path,
		      t->instances[*(const unsigned *)b].path);
}

void compile_expand(struct compile *c)
{
	struct topology *t = c->t;

	for (unsigned i = 0; i < t->space_count; i++) {
		bool too_long = false;

		if (t->spaces[i].parent >= 0)
			continue;
		add_instances(c, &t->spaces[i], -1, "", &too_long);
		if (too_long)
			finding(c, AT("spaces[%u].name", i),
				"an instance's path below '%s' is longer than %u bytes",
				t->spaces[i].name, INSTANCE_PATH_MAX_BYTES);
	}
	for (unsigned i = 0; i < t->instance_count; i++)
		t->by_path[i] = i;
	qsort_r(t->by_path, t->instance_count, sizeof(t->by_path[0]), compare_paths, t);
}
