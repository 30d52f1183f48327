/*
 * The order of a grouped stop: importers before providers, children before parents
 * [lifecycle.group.stop-order].
 *
 * Members are nodes, and so is each importing space ("all its members have stopped"), which
 * keeps the graph linear where many import from many:
 *
 *      web-1 ──┐                      ┌──► db-1          an edge: stops before
 *      web-2 ──┼──► (all of web) ─────┼──► db-2
 *      web-3 ──┘        import, may   └──► ...
 *                       be dropped
 *      cache ─────► api        child before parent, never dropped
 *
 * A space that imports itself stops one instance after the other, by path. Cycles are broken
 * where nothing else is left to stop: among the constraints inside such a cycle an optional
 * import goes before a mandatory one, and the smallest path first.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/vector.h"
#include "core/lifecycle/lifecycle.h"

enum edge_kind { EDGE_FIRM, EDGE_MANDATORY, EDGE_OPTIONAL, EDGE_DROPPED };

struct edge {
	uint32_t from, to;
	enum edge_kind kind;
};

struct node {
	struct instance *member; /* NULL: an importing space, or a member that has left */
	uint32_t pending;	 /* edges into it from nodes that have not left */
	uint32_t first_edge;	 /* of those that leave it */
	bool left;
};

struct stop_group {
	struct node *nodes; /* members first */
	struct edge *edges; /* by `from` */
	uint32_t node_count, edge_count, members_left;
};

typedef VECTOR(struct edge) edge_list;

/* ---- building ---- */

static void add_edge(edge_list *edges, uint32_t from, uint32_t to, enum edge_kind kind)
{
	*vector_add(edges) = (struct edge){.from = from, .to = to, .kind = kind};
}

static bool is_member(const struct stop_group *g, const struct instance *i)
{
	return i->group == g;
}

static void add_containment(struct stop_group *g, edge_list *edges, uint32_t member_count)
{
	for (uint32_t n = 0; n < member_count; n++) {
		const struct instance *parent = instance_parent(g->nodes[n].member);
		if (parent != NULL && is_member(g, parent))
			add_edge(edges, n, parent->group_node, EDGE_FIRM);
	}
}

static int compare_instances(const void *pa, const void *pb)
{
	struct instance *const *a = pa, *const *b = pb;
	return strcmp(instance_decl(*a)->path, instance_decl(*b)->path);
}

/* Members of a space, in the order of their paths; the caller frees. */
static struct instance **members_of(struct stop_group *g, struct application *app,
				    unsigned space, uint32_t *ret_count)
{
	const struct space *s = &app->topology->spaces[space];
	struct instance **found = mem_new_array(struct instance *, s->instance_count);
	uint32_t count = 0;
	for (unsigned k = 0; k < s->instance_count; k++) {
		struct instance *i = &app->instances[s->instances[k]];
		if (is_member(g, i))
			found[count++] = i;
	}
	qsort(found, count, sizeof(struct instance *), compare_instances);
	*ret_count = count;
	return found;
}

static void add_imports_of(struct stop_group *g, edge_list *edges, struct application *app,
			   unsigned provider, uint32_t *space_node)
{
	const struct importer_list *list = &app->importers[provider];
	uint32_t provider_count, importer_count;
	CLEANUP(freep)
	struct instance **providers = members_of(g, app, provider, &provider_count);
	for (unsigned k = 0; k < list->count && provider_count > 0; k++) {
		unsigned importer = list->spaces[k];
		enum edge_kind kind = list->mandatory[k] ? EDGE_MANDATORY : EDGE_OPTIONAL;
		if (importer == provider) {
			for (uint32_t m = 1; m < provider_count; m++)
				add_edge(edges, providers[m - 1]->group_node,
					 providers[m]->group_node, kind);
			continue;
		}
		CLEANUP(freep)
		struct instance **importers = members_of(g, app, importer, &importer_count);
		if (importer_count == 0)
			continue;
		if (space_node[importer] == 0) {
			space_node[importer] = g->node_count++;
			for (uint32_t m = 0; m < importer_count; m++)
				add_edge(edges, importers[m]->group_node, space_node[importer],
					 EDGE_FIRM);
		}
		for (uint32_t m = 0; m < provider_count; m++)
			add_edge(edges, space_node[importer], providers[m]->group_node, kind);
	}
}

static int compare_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void take_edges(struct stop_group *g, edge_list *edges)
{
	g->edges = edges->items;
	g->edge_count = (uint32_t)edges->count;
	if (g->edge_count > 0)
		qsort(g->edges, g->edge_count, sizeof(*g->edges), compare_edges);
	uint32_t e = 0;
	for (uint32_t n = 0; n < g->node_count; n++) {
		g->nodes[n].first_edge = e;
		while (e < g->edge_count && g->edges[e].from == n)
			g->nodes[g->edges[e++].to].pending++;
	}
	g->nodes[g->node_count].first_edge = e;
}

/* ---- breaking cycles ---- */

/* A walk through the whole order before anybody stops, to find what would wait for ever. */
struct walk {
	struct stop_group *group;
	uint32_t *pending; /* by node */
	bool *done;	   /* by node */
	uint32_t *ready;   /* queue of nodes */
	uint32_t head, tail;
	uint32_t *component; /* by node, while stuck; UINT32_MAX: not visited */
};

static void release(struct walk *w, uint32_t node)
{
	INVARIANT(w->pending[node] > 0);
	if (--w->pending[node] == 0)
		w->ready[w->tail++] = node;
}

static void run_ready(struct walk *w)
{
	const struct stop_group *g = w->group;
	while (w->head < w->tail) {
		uint32_t n = w->ready[w->head++];
		w->done[n] = true;
		for (uint32_t e = g->nodes[n].first_edge; e < g->nodes[n + 1].first_edge; e++)
			if (g->edges[e].kind != EDGE_DROPPED)
				release(w, g->edges[e].to);
	}
}

/* Tarjan's strongly connected components of what is left, without recursion. */
static uint32_t find_components(struct walk *w)
{
	const struct stop_group *g = w->group;
	uint32_t n = g->node_count, next_index = 1, next_component = 0;
	CLEANUP(freep) uint32_t *index = mem_new_array(uint32_t, n);
	CLEANUP(freep) uint32_t *low = mem_new_array(uint32_t, n);
	CLEANUP(freep) uint32_t *edge = mem_new_array(uint32_t, n);
	CLEANUP(freep) uint32_t *calls = mem_new_array(uint32_t, n + 1);
	CLEANUP(freep) uint32_t *stack = mem_new_array(uint32_t, n + 1);
	uint32_t depth = 0, height = 0;
	for (uint32_t k = 0; k < n; k++)
		w->component[k] = UINT32_MAX;
	for (uint32_t root = 0; root < n; root++) {
		if (w->done[root] || index[root] != 0)
			continue;
		calls[depth++] = root;
		while (depth > 0) {
			uint32_t v = calls[depth - 1];
			if (index[v] == 0) {
				index[v] = low[v] = next_index++;
				edge[v] = g->nodes[v].first_edge;
				stack[height++] = v;
			}
			bool descended = false;
			while (edge[v] < g->nodes[v + 1].first_edge) {
				const struct edge *e = &g->edges[edge[v]];
				uint32_t to = e->to;
				if (e->kind == EDGE_DROPPED || w->done[to]) {
					edge[v]++;
				} else if (index[to] == 0) {
					calls[depth++] = to;
					descended = true;
					break;
				} else {
					if (w->component[to] == UINT32_MAX && low[to] < low[v])
						low[v] = low[to];
					edge[v]++;
				}
			}
			if (descended)
				continue;
			depth--;
			if (low[v] == index[v]) {
				uint32_t member;
				do {
					member = stack[--height];
					w->component[member] = next_component;
				} while (member != v);
				next_component++;
			}
		}
	}
	return next_component;
}

/* Whether edge `a` should be dropped rather than `b`. */
static bool drop_before(const struct stop_group *g, const struct edge *a, const struct edge *b)
{
	if (b == NULL)
		return true;
	if (a->kind != b->kind)
		return a->kind == EDGE_OPTIONAL;
	return strcmp(instance_decl(g->nodes[a->to].member)->path,
		      instance_decl(g->nodes[b->to].member)->path) < 0;
}

/* In each component that nothing outside of it holds up: drops one constraint. */
static void break_cycles(struct walk *w)
{
	struct stop_group *g = w->group;
	uint32_t count = find_components(w);
	CLEANUP(freep) bool *held = mem_new_array(bool, count);
	CLEANUP(freep) struct edge **choice = mem_new_array(struct edge *, count);
	for (uint32_t k = 0; k < g->edge_count; k++) {
		struct edge *e = &g->edges[k];
		if (e->kind == EDGE_DROPPED || w->done[e->from] || w->done[e->to])
			continue;
		uint32_t from = w->component[e->from], to = w->component[e->to];
		if (from != to)
			held[to] = true;
		else if (e->kind != EDGE_FIRM && drop_before(g, e, choice[to]))
			choice[to] = e;
	}
	bool progress = false;
	for (uint32_t c = 0; c < count; c++) {
		if (held[c] || choice[c] == NULL)
			continue;
		choice[c]->kind = EDGE_DROPPED;
		release(w, choice[c]->to);
		progress = true;
	}
	INVARIANT(progress);
}

static void drop_what_would_wait_for_ever(struct stop_group *g)
{
	struct walk w = {.group = g};
	w.pending = mem_new_array(uint32_t, g->node_count);
	w.done = mem_new_array(bool, g->node_count);
	w.ready = mem_new_array(uint32_t, g->node_count);
	w.component = mem_new_array(uint32_t, g->node_count);
	for (uint32_t n = 0; n < g->node_count; n++) {
		w.pending[n] = g->nodes[n].pending;
		if (w.pending[n] == 0)
			w.ready[w.tail++] = n;
	}
	for (run_ready(&w); w.tail < g->node_count; run_ready(&w))
		break_cycles(&w);
	for (uint32_t n = 0; n < g->node_count; n++)
		g->nodes[n].pending = 0;
	for (uint32_t e = 0; e < g->edge_count; e++)
		if (g->edges[e].kind != EDGE_DROPPED)
			g->nodes[g->edges[e].to].pending++;
	free(w.pending);
	free(w.done);
	free(w.ready);
	free(w.component);
}

/* ---- interface ---- */

void group_order(struct application *app, struct instance **members, size_t count)
{
	struct stop_group *g = mem_new(struct stop_group);
	uint32_t member_count = (uint32_t)count;
	g->nodes = mem_new_array(struct node, count + app->topology->space_count + 1);
	g->node_count = g->members_left = member_count;
	for (uint32_t n = 0; n < member_count; n++) {
		group_leave(members[n]);
		members[n]->group = g;
		members[n]->group_node = n;
		g->nodes[n].member = members[n];
	}
	edge_list edges = {0};
	CLEANUP(freep)
	uint32_t *space_node = mem_new_array(uint32_t, app->topology->space_count);
	add_containment(g, &edges, member_count);
	for (unsigned s = 0; s < app->topology->space_count; s++)
		add_imports_of(g, &edges, app, s, space_node);
	take_edges(g, &edges);
	drop_what_would_wait_for_ever(g);
	for (uint32_t n = 0; n < member_count; n++)
		lifecycle_push(members[n]);
}

bool group_holds(const struct instance *i)
{
	return i->group != NULL && i->group->nodes[i->group_node].pending > 0;
}

static void node_leaves(struct stop_group *g, uint32_t n)
{
	g->nodes[n].left = true;
	for (uint32_t e = g->nodes[n].first_edge; e < g->nodes[n + 1].first_edge; e++) {
		struct node *to = &g->nodes[g->edges[e].to];
		if (g->edges[e].kind == EDGE_DROPPED)
			continue;
		INVARIANT(to->pending > 0);
		if (--to->pending > 0 || to->left)
			continue;
		if (to->member != NULL)
			lifecycle_push(to->member);
		else
			node_leaves(g, g->edges[e].to); /* a space: one level deep */
	}
}

void group_leave(struct instance *i)
{
	struct stop_group *g = i->group;
	if (g == NULL)
		return;
	uint32_t n = i->group_node;
	i->group = NULL;
	node_leaves(g, n);
	g->nodes[n].member = NULL;
	if (--g->members_left > 0)
		return;
	free(g->nodes);
	free(g->edges);
	free(g);
}
