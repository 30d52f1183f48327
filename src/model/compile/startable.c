/*
 * Can every space start some day? A space is startable if its parent is and each mandatory
 * import has a startable provider other than the instance itself; what is left over is named as
 * the cycle [topology.placement.startable].
 *
 * Imports from other topologies are left out: what those declare is not known, and may change.
 * The instances of a space are alike, so the question is one about spaces; and because a space
 * counts only once it is known to be startable, it never counts as its own provider.
 *
 *   need[s]    how many of {parent, each mandatory import} of s are not startable yet
 *   users      what waits for a node: spaces are nodes 0..n-1, facet f is node n + f
 *
 * A node that becomes startable lowers the need of its users; what reaches 0 follows. Each edge
 * is walked once.
 */
#include <stdlib.h>

#include "base/buffer.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"

struct graph {
	const struct topology *t;
	unsigned node_count;
	unsigned *first_user; /* per node: index in users[]; one more at the end */
	unsigned *users;      /* spaces */
	unsigned *need;	      /* per space */
	bool *startable;      /* per node */
};

static unsigned node_of_import(const struct topology *t, const struct import_decl *import)
{
	return import->is_facet ? t->space_count + (unsigned)import->facet
				: import->providers[0];
}

static bool is_need(const struct import_decl *import)
{
	return !import->optional && import->topology == NULL;
}

/* Calls for each node that space `s` must have: its parent, its mandatory imports. */
#define FOR_EACH_NEED(t, s, node)                                                             \
	for (unsigned need_i_ = 0, node = 0; need_i_ <= (s)->import_count; need_i_++)         \
		if (need_i_ == 0 ? ((s)->parent >= 0 && (node = (unsigned)(s)->parent, true)) \
				 : (is_need(&(s)->imports[need_i_ - 1]) &&                    \
				    (node = node_of_import((t), &(s)->imports[need_i_ - 1]),  \
				     true)))

static void build_graph(struct graph *g, const struct topology *t)
{
	unsigned edges = 0;

	g->t = t;
	g->node_count = t->space_count + t->facet_count;
	g->first_user = mem_new_array(unsigned, g->node_count + 2);
	g->need = mem_new_array(unsigned, t->space_count + 1);
	g->startable = mem_new_array(bool, g->node_count + 1);
	for (unsigned i = 0; i < t->space_count; i++) {
		FOR_EACH_NEED (t, &t->spaces[i], node) {
			g->first_user[node + 2]++;
			g->need[i]++;
			edges++;
		}
	}
	for (unsigned i = 2; i < g->node_count + 2; i++)
		g->first_user[i] += g->first_user[i - 1];
	g->users = mem_new_array(unsigned, edges + 1);
	/* first_user[n + 1] is where the next user of n goes; in the end, where they end. */
	for (unsigned i = 0; i < t->space_count; i++) {
		FOR_EACH_NEED (t, &t->spaces[i], node)
			g->users[g->first_user[node + 1]++] = i;
	}
}

static void free_graph(struct graph *g)
{
	free(g->first_user);
	free(g->users);
	free(g->need);
	free(g->startable);
}

static void spread_startable(struct graph *g)
{
	const struct topology *t = g->t;
	unsigned *queue = mem_new_array(unsigned, g->node_count + 1);
	unsigned head = 0, tail = 0;

	for (unsigned i = 0; i < t->space_count; i++) {
		if (g->need[i] == 0) {
			g->startable[i] = true;
			queue[tail++] = i;
		}
	}
	while (head < tail) {
		unsigned node = queue[head++];

		for (unsigned k = g->first_user[node]; k < g->first_user[node + 1]; k++) {
			unsigned user = g->users[k];

			if (--g->need[user] == 0) {
				g->startable[user] = true;
				queue[tail++] = user;
			}
		}
		if (node >= t->space_count)
			continue;
		const struct space *s = &t->spaces[node];
		for (unsigned k = 0; k < s->provide_count; k++) {
			unsigned facet = t->space_count +
					 (unsigned)topology_find_facet(t, s->provides[k]);

			if (!g->startable[facet]) {
				g->startable[facet] = true;
				queue[tail++] = facet;
			}
		}
	}
	free(queue);
}

/* The first thing that keeps `space` from starting, and the space that it depends on. */
static unsigned blocker(const struct graph *g, unsigned space,
			const struct import_decl **ret_import, unsigned *ret_item)
{
	const struct space *s = &g->t->spaces[space];

	*ret_import = NULL;
	*ret_item = 0;
	if (s->parent >= 0 && !g->startable[s->parent])
		return (unsigned)s->parent;
	for (unsigned i = 0; i < s->import_count; i++) {
		if (!is_need(&s->imports[i]) ||
		    g->startable[node_of_import(g->t, &s->imports[i])])
			continue;
		*ret_import = &s->imports[i];
		*ret_item = i;
		return s->imports[i].providers[0];
	}
	return space;
}

static void add_link(const struct graph *g, struct buffer *b, unsigned space, unsigned next,
		     const struct import_decl *import, bool first)
{
	(void)buffer_printf(b, "%s", first ? g->t->spaces[space].name : ", which");
	if (import == NULL)
		(void)buffer_printf(b, " is inside '%s'", g->t->spaces[next].name);
	else if (import->is_facet)
		(void)buffer_printf(b, " needs '%s', provided by '%s'", import->from,
				    g->t->spaces[next].name);
	else
		(void)buffer_printf(b, " needs '%s'", import->from);
}

/* Names the cycle that goes through `start`. */
static void report_cycle(struct compile *c, const struct graph *g, unsigned start)
{
	struct buffer b = BUFFER_INIT(8192);
	const struct import_decl *import;
	unsigned item, space = start, shown = 0;
	bool here = false;
	struct place place = {0};

	do {
		unsigned next = blocker(g, space, &import, &item);

		if (space == start) {
			place = import == NULL ? AT("spaces[%u].inside", space)
					       : AT("spaces[%u].imports[%u]", space, item);
			here = import != NULL && next == start;
		}
		if (shown < 20 || next == start)
			add_link(g, &b, space, next, import, space == start);
		else if (shown == 20)
			(void)buffer_add_string(&b, ", ...");
		shown++;
		space = next;
	} while (space != start);
	finding(c, place, "'%s' can never start: %s%s", g->t->spaces[start].name, b.data,
		here ? " alone, and never counts as its own provider" : "");
	buffer_done(&b);
}

static void report_left_over(struct compile *c, const struct graph *g)
{
	const struct topology *t = g->t;
	/* 0: not seen; otherwise 1 + the space from which the walk began. */
	unsigned *seen = mem_new_array(unsigned, t->space_count + 1);
	const struct import_decl *import;
	unsigned item;

	for (unsigned i = 0; i < t->space_count; i++) {
		unsigned space = i;

		if (g->startable[i])
			continue;
		while (seen[space] == 0) {
			seen[space] = i + 1;
			space = blocker(g, space, &import, &item);
		}
		if (seen[space] == i + 1)
			report_cycle(c, g, space);
	}
	free(seen);
}

void compile_startable(struct compile *c)
{
	struct graph g = {0};
	bool all = true;

	build_graph(&g, c->t);
	spread_startable(&g);
	for (unsigned i = 0; i < c->t->space_count; i++)
		all = all && g.startable[i];
	if (!all)
		report_left_over(c, &g);
	free_graph(&g);
}
