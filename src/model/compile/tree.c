/*
 * Containment: every space has at most one parent, and nothing contains itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/names.h"
#include "model/compile/passes.h"

static bool find_parents(struct compile *c)
{
	struct topology *t = c->t;
	bool good = true;

	for (unsigned i = 0; i < t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];
		struct space *s = &t->spaces[i];

		if (str_is_empty(in->inside))
			continue;
		s->parent = topology_find_space(t, in->inside);
		if (s->parent < 0) {
			char *hint = hint_for(c, in->inside, false);
			finding(c, AT("spaces[%u].inside", i), "there is no space '%s'%s",
				in->inside, hint);
			free(hint);
			good = false;
		}
	}
	return good;
}

/* "a -> b -> a", from `start` along the parents. */
static char *cycle_text(const struct topology *t, unsigned start)
{
	struct buffer b = BUFFER_INIT(4096);
	unsigned s = start, shown = 0;

	(void)buffer_printf(&b, "%s", t->spaces[s].name);
	do {
		s = (unsigned)t->spaces[s].parent;
		if (++shown > 20 && s != start)
			continue;
		(void)buffer_printf(&b, "%s is inside %s", shown == 1 ? "" : ", which",
				    t->spaces[s].name);
	} while (s != start);
	return buffer_steal(&b);
}

/* Follows the parents of each space once; a cycle is named at its first space. */
static bool find_cycles(struct compile *c)
{
	struct topology *t = c->t;
	/* 0: not seen; otherwise 1 + the space from which it was first reached. */
	unsigned *seen = mem_new_array(unsigned, t->space_count + 1);
	bool good = true;

	for (unsigned i = 0; i < t->space_count; i++) {
		int s = (int)i;

		while (s >= 0 && seen[s] == 0) {
			seen[s] = i + 1;
			s = t->spaces[s].parent;
		}
		if (s < 0 || seen[s] != i + 1)
			continue;
		char *text = cycle_text(t, (unsigned)s);
		finding(c, AT("spaces[%d].inside", s), "containment has a cycle: %s", text);
		free(text);
		good = false;
	}
	free(seen);
	return good;
}

/* Depths, parents first, without recursion. PRE: no cycle. */
static bool set_depths(struct compile *c)
{
	struct topology *t = c->t;
	bool *known = mem_new_array(bool, t->space_count + 1);
	unsigned *stack = mem_new_array(unsigned, t->space_count + 1);
	bool good = true;

	for (unsigned i = 0; i < t->space_count; i++) {
		unsigned height = 0;

		for (int s = (int)i; s >= 0 && !known[s]; s = t->spaces[s].parent)
			stack[height++] = (unsigned)s;
		while (height > 0) {
			struct space *s = &t->spaces[stack[--height]];

			s->depth = s->parent < 0 ? 0 : t->spaces[s->parent].depth + 1;
			known[s->index] = true;
			if (s->depth == TOPOLOGY_MAX_DEPTH) {
				finding(c, AT("spaces[%u].inside", s->index),
					"'%s' is contained more than %u levels deep", s->name,
					TOPOLOGY_MAX_DEPTH);
				good = false;
			} else if (s->depth > TOPOLOGY_MAX_DEPTH) {
				good = false;
			}
		}
	}
	free(stack);
	free(known);
	return good;
}

static void set_children(struct compile *c)
{
	struct topology *t = c->t;

	for (unsigned i = 0; i < t->space_count; i++) {
		if (t->spaces[i].parent >= 0)
			t->spaces[t->spaces[i].parent].child_count++;
	}
	for (unsigned i = 0; i < t->space_count; i++) {
		struct space *s = &t->spaces[i];

		s->children = arena_new_array(c->arena, unsigned, s->child_count);
		s->child_count = 0;
	}
	for (unsigned i = 0; i < t->space_count; i++) {
		struct space *parent;

		if (t->spaces[i].parent < 0)
			continue;
		parent = &t->spaces[t->spaces[i].parent];
		parent->children[parent->child_count++] = i;
	}
}

void compile_optional(struct compile *c)
{
	bool all = true;
	for (unsigned i = 0; i < c->t->space_count; i++) {
		struct space *s = &c->t->spaces[i];
		for (const struct space *above = s; !s->optional && above->parent >= 0;) {
			above = &c->t->spaces[above->parent];
			s->optional = above->optional;
		}
		all = all && s->optional;
	}
	if (all)
		finding(c, AT("spaces"),
			"every space is optional: at least one must not be, since the state of "
			"the topology is derived from those");
}

static unsigned root_of(const struct topology *t, unsigned space)
{
	while (t->spaces[space].parent >= 0)
		space = (unsigned)t->spaces[space].parent;
	return space;
}

/* By root: what stays together is never placed elsewhere if one of it never is. The caller frees. */
static bool *never_replaced_new(const struct topology *t)
{
	bool *never = mem_new_array(bool, t->space_count);
	for (unsigned i = 0; i < t->space_count; i++)
		if (t->spaces[i].replace_after_ms == SPACE_REPLACE_NEVER)
			never[root_of(t, i)] = true;
	return never;
}

void compile_offline_start(struct compile *c)
{
	CLEANUP(freep) bool *never = never_replaced_new(c->t);
	for (unsigned i = 0; i < c->t->space_count; i++) {
		const Samoza__V1__Loss *in = c->in->spaces[i]->loss;
		struct space *s = &c->t->spaces[i];
		bool is_asked = in != NULL && in->has_offline_start && in->offline_start;
		bool is_denied = in != NULL && in->has_offline_start && !in->offline_start;
		bool is_fixed = never[root_of(c->t, i)];
		bool has_secrets = c->in->spaces[i]->n_secrets > 0;
		s->offline_start = is_fixed && !s->exclusive && !is_denied && !has_secrets;
		if (is_asked && has_secrets)
			finding(c, AT("spaces[%u].loss.offline_start", i),
				"a space with secrets cannot start without zrms, which alone "
				"keeps them");
		if (is_asked && s->exclusive)
			finding(c, AT("spaces[%u].loss.offline_start", i),
				"an exclusive space cannot start without zrms, which alone "
				"knows that it runs nowhere else");
		else if (is_asked && !is_fixed)
			finding(c, AT("spaces[%u].loss.offline_start", i),
				"offline_start needs replace_after: never, or count: each; "
				"otherwise zrms may start the space on another zhost "
				"meanwhile");
	}
}

bool compile_tree(struct compile *c)
{
	bool good = find_parents(c);

	if (!find_cycles(c))
		return false;
	if (!set_depths(c))
		good = false;
	set_children(c);
	return good;
}
