#include "core/lifecycle/ordered_stop.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/vector.h"
#include "core/lifecycle/components.h"
#include "core/lifecycle/lifecycle.h"

enum edge_kind { EDGE_FIRM, EDGE_MANDATORY, EDGE_OPTIONAL, EDGE_DROPPED };

struct edge {
	uint32_t from, to;
	enum edge_kind kind;
};

struct stop_node {
	struct slot *member; /* NULL: an importing space, or a member that has left */
	uint32_t pending;    /* edges into it from nodes that have not left */
	uint32_t first_edge; /* of those that leave it */
	bool left;
};

struct ordered_stop {
	struct stop_node *nodes; /* members first */
	struct edge *edges;	 /* by `from` */
	uint32_t node_count, edge_count, members_left;
};

typedef VECTOR(struct edge) edge_list;

/* ---- building ---- */

static void add_edge(edge_list *edges, uint32_t from, uint32_t to, enum edge_kind kind)
{
	*vector_add(edges) = (struct edge){.from = from, .to = to, .kind = kind};
}

static bool is_member(const struct ordered_stop *stop, const struct slot *s)
{
	return s->stop == stop;
}

static void add_containment(struct ordered_stop *stop, edge_list *edges, uint32_t member_count)
{
	for (uint32_t n = 0; n < member_count; n++) {
		const struct slot *parent = stop->nodes[n].member->parent;
		if (parent != NULL && is_member(stop, parent))
			add_edge(edges, n, parent->stop_node, EDGE_FIRM);
	}
}

static int compare_paths(const void *pa, const void *pb)
{
	struct slot *const *a = pa, *const *b = pb;
	return strcmp((*a)->path, (*b)->path);
}

/* Members of a space, in the order of their paths; the caller frees. */
static struct slot **members_of(const struct ordered_stop *stop, const struct slot_set *set,
				uint32_t space, uint32_t *ret_count)
{
	const struct slot_space *declared = set->spaces.items[space];
	struct slot **found = mem_new_array(struct slot *, declared->slots.count);
	uint32_t count = 0;
	vector_for_each (&declared->slots, s)
		if (is_member(stop, *s))
			found[count++] = *s;
	qsort(found, count, sizeof(*found), compare_paths);
	*ret_count = count;
	return found;
}

#define NO_NODE UINT32_MAX /* no member is of that space */

/* The node "all members of that space have stopped". */
static uint32_t space_node(struct ordered_stop *stop, edge_list *edges,
			   const struct slot_set *set, uint32_t space, uint32_t *nodes)
{
	uint32_t count;
	if (nodes[space] != 0)
		return nodes[space];
	CLEANUP(freep) struct slot **members = members_of(stop, set, space, &count);
	nodes[space] = count > 0 ? stop->node_count++ : NO_NODE;
	for (uint32_t m = 0; m < count; m++)
		add_edge(edges, members[m]->stop_node, nodes[space], EDGE_FIRM);
	return nodes[space];
}

static void add_imports_of(struct ordered_stop *stop, edge_list *edges,
			   const struct slot_set *set, uint32_t space, uint32_t *nodes)
{
	uint32_t count;
	CLEANUP(freep) struct slot **providers = members_of(stop, set, space, &count);
	for (uint32_t m = 0; m < count; m++) {
		vector_for_each (&providers[m]->serving.declared->importers, importer) {
			if (importer->set != set)
				continue; /* [change.imports.public]: of its topology alone */
			enum edge_kind kind =
				importer->mandatory ? EDGE_MANDATORY : EDGE_OPTIONAL;
			uint32_t from = NO_NODE;
			if (importer->space != space)
				from = space_node(stop, edges, set, importer->space, nodes);
			else if (m > 0)
				from = providers[m - 1]->stop_node;
			if (from != NO_NODE)
				add_edge(edges, from, providers[m]->stop_node, kind);
		}
	}
}

static int compare_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void take_edges(struct ordered_stop *stop, edge_list *edges)
{
	stop->edges = edges->items;
	stop->edge_count = (uint32_t)edges->count;
	if (stop->edge_count > 0)
		qsort(stop->edges, stop->edge_count, sizeof(*stop->edges), compare_edges);
	uint32_t e = 0;
	for (uint32_t n = 0; n < stop->node_count; n++) {
		stop->nodes[n].first_edge = e;
		while (e < stop->edge_count && stop->edges[e].from == n)
			stop->nodes[stop->edges[e++].to].pending++;
	}
	stop->nodes[stop->node_count].first_edge = e;
}

/* ---- breaking cycles ---- */

/* A walk through the whole order before any member stops, to find what would wait for ever. */
struct walk {
	struct ordered_stop *stop;
	uint32_t *pending; /* by node */
	bool *done;	   /* by node */
	uint32_t *ready;   /* queue of nodes */
	uint32_t head, tail;
	uint32_t *component; /* by node, while no node is ready */
};

static void release(struct walk *w, uint32_t node)
{
	INVARIANT(w->pending[node] > 0);
	if (--w->pending[node] == 0)
		w->ready[w->tail++] = node;
}

static void run_ready(struct walk *w)
{
	const struct ordered_stop *stop = w->stop;
	while (w->head < w->tail) {
		uint32_t n = w->ready[w->head++];
		w->done[n] = true;
		for (uint32_t e = stop->nodes[n].first_edge; e < stop->nodes[n + 1].first_edge;
		     e++)
			if (stop->edges[e].kind != EDGE_DROPPED)
				release(w, stop->edges[e].to);
	}
}

/* Of what is left; each node that is done is one of its own. */
static uint32_t find_components(struct walk *w)
{
	const struct ordered_stop *stop = w->stop;
	CLEANUP(freep) struct arc *arcs = mem_new_array(struct arc, stop->edge_count);
	size_t count = 0;
	for (uint32_t k = 0; k < stop->edge_count; k++) {
		const struct edge *e = &stop->edges[k];
		if (e->kind != EDGE_DROPPED && !w->done[e->from] && !w->done[e->to])
			arcs[count++] = (struct arc){.from = e->from, .to = e->to};
	}
	return components_find(stop->node_count, arcs, count, w->component);
}

/* Whether edge `a` should be dropped rather than `b`. */
static bool drop_before(const struct ordered_stop *stop, const struct edge *a,
			const struct edge *b)
{
	if (b == NULL)
		return true;
	if (a->kind != b->kind)
		return a->kind == EDGE_OPTIONAL;
	return strcmp(stop->nodes[a->to].member->path, stop->nodes[b->to].member->path) < 0;
}

/* In each component that no node outside of it holds up: drops one constraint. */
static void break_cycles(struct walk *w)
{
	struct ordered_stop *stop = w->stop;
	uint32_t count = find_components(w);
	CLEANUP(freep) bool *held = mem_new_array(bool, count);
	CLEANUP(freep) struct edge **choice = mem_new_array(struct edge *, count);
	for (uint32_t k = 0; k < stop->edge_count; k++) {
		struct edge *e = &stop->edges[k];
		if (e->kind == EDGE_DROPPED || w->done[e->from] || w->done[e->to])
			continue;
		uint32_t from = w->component[e->from], to = w->component[e->to];
		if (from != to)
			held[to] = true;
		else if (e->kind != EDGE_FIRM && drop_before(stop, e, choice[to]))
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

static void drop_what_would_wait_for_ever(struct ordered_stop *stop)
{
	struct walk w = {.stop = stop};
	w.pending = mem_new_array(uint32_t, stop->node_count);
	w.done = mem_new_array(bool, stop->node_count);
	w.ready = mem_new_array(uint32_t, stop->node_count);
	w.component = mem_new_array(uint32_t, stop->node_count);
	for (uint32_t n = 0; n < stop->node_count; n++) {
		w.pending[n] = stop->nodes[n].pending;
		if (w.pending[n] == 0)
			w.ready[w.tail++] = n;
	}
	for (run_ready(&w); w.tail < stop->node_count; run_ready(&w))
		break_cycles(&w);
	for (uint32_t n = 0; n < stop->node_count; n++)
		stop->nodes[n].pending = 0;
	for (uint32_t e = 0; e < stop->edge_count; e++)
		if (stop->edges[e].kind != EDGE_DROPPED)
			stop->nodes[stop->edges[e].to].pending++;
	free(w.pending);
	free(w.done);
	free(w.ready);
	free(w.component);
}

/* ---- interface ---- */

/* The members of the new order: those that are asked to stop now, and those of earlier orders that
 * have not stopped yet. They leave those orders. */
static slot_list gather_members(struct slot_set *set, struct slot **members, size_t count)
{
	slot_list all = {0};
	for (size_t n = 0; n < count; n++) {
		ordered_stop_leave(members[n]);
		vector_push(&all, members[n]);
	}
	vector_for_each (&set->slots, s) {
		if ((*s)->stop == NULL)
			continue;
		ordered_stop_leave(*s);
		vector_push(&all, *s);
	}
	return all;
}

void ordered_stop_begin(struct slot_set *set, struct slot **members, size_t count)
{
	slot_list all = gather_members(set, members, count);
	struct ordered_stop *stop = mem_new(struct ordered_stop);
	uint32_t member_count = (uint32_t)all.count;
	stop->nodes = mem_new_array(struct stop_node, all.count + set->spaces.count + 1);
	stop->node_count = stop->members_left = member_count;
	for (uint32_t n = 0; n < member_count; n++) {
		all.items[n]->stop = stop;
		all.items[n]->stop_node = n;
		stop->nodes[n].member = all.items[n];
	}
	edge_list edges = {0};
	CLEANUP(freep)
	uint32_t *space_nodes = mem_new_array(uint32_t, set->spaces.count);
	add_containment(stop, &edges, member_count);
	for (uint32_t space = 0; space < set->spaces.count; space++)
		add_imports_of(stop, &edges, set, space, space_nodes);
	take_edges(stop, &edges);
	drop_what_would_wait_for_ever(stop);
	vector_for_each (&all, member)
		lifecycle_push(*member);
	vector_done(&all);
}

bool ordered_stop_holds(const struct slot *s)
{
	return s->stop != NULL && s->stop->nodes[s->stop_node].pending > 0;
}

static void node_leaves(struct ordered_stop *stop, uint32_t n)
{
	stop->nodes[n].left = true;
	for (uint32_t e = stop->nodes[n].first_edge; e < stop->nodes[n + 1].first_edge; e++) {
		struct stop_node *to = &stop->nodes[stop->edges[e].to];
		if (stop->edges[e].kind == EDGE_DROPPED)
			continue;
		INVARIANT(to->pending > 0);
		if (--to->pending > 0 || to->left)
			continue;
		if (to->member != NULL)
			lifecycle_push(to->member);
		else
			node_leaves(stop, stop->edges[e].to); /* a space: one level deep */
	}
}

void ordered_stop_leave(struct slot *s)
{
	struct ordered_stop *stop = s->stop;
	if (stop == NULL)
		return;
	uint32_t n = s->stop_node;
	s->stop = NULL;
	node_leaves(stop, n);
	stop->nodes[n].member = NULL;
	if (--stop->members_left > 0)
		return;
	free(stop->nodes);
	free(stop->edges);
	free(stop);
}

/* ---- images ---- */

void stop_image_done(struct stop_image *image)
{
	vector_done(&image->nodes);
	vector_done(&image->edges);
}

/* A set has one order at a time: ordered_stop_begin() takes over what is left of earlier ones. */
void ordered_stop_image(const struct slot_set *set, struct stop_image *ret)
{
	const struct ordered_stop *stop = NULL;
	*ret = (struct stop_image){0};
	vector_for_each (&set->slots, s)
		if ((*s)->stop != NULL)
			stop = (*s)->stop;
	for (uint32_t n = 0; stop != NULL && n < stop->node_count; n++) {
		const struct stop_node *node = &stop->nodes[n];
		*vector_add(&ret->nodes) = (struct stop_image_node){
			.path = node->member != NULL ? node->member->path : NULL,
			.left = node->left};
	}
	for (uint32_t k = 0; stop != NULL && k < stop->edge_count; k++) {
		const struct edge *e = &stop->edges[k];
		if (e->kind == EDGE_DROPPED || stop->nodes[e->from].left)
			continue;
		vector_push(&ret->edges, e->from);
		vector_push(&ret->edges, e->to);
	}
}

static bool is_image(const struct slot_set *set, const struct stop_image *image)
{
	if (image->edges.count % 2 != 0)
		return false;
	vector_for_each (&image->edges, node)
		if (*node >= image->nodes.count)
			return false;
	vector_for_each (&image->nodes, node)
		if (node->path != NULL && slot_find(set, node->path) == NULL)
			return false;
	return true;
}

bool ordered_stop_restore(struct slot_set *set, const struct stop_image *image)
{
	if (!is_image(set, image))
		return false;
	vector_for_each (&set->slots, s)
		ordered_stop_leave(*s);
	if (image->nodes.count == 0)
		return true;
	struct ordered_stop *stop = mem_new(struct ordered_stop);
	stop->node_count = (uint32_t)image->nodes.count;
	stop->nodes = mem_new_array(struct stop_node, image->nodes.count + 1);
	for (uint32_t n = 0; n < stop->node_count; n++) {
		const struct stop_image_node *node = &image->nodes.items[n];
		stop->nodes[n].left = node->left;
		if (node->path == NULL)
			continue;
		struct slot *s = slot_find(set, node->path);
		s->stop = stop;
		s->stop_node = n;
		stop->nodes[n].member = s;
		stop->members_left++;
	}
	edge_list edges = {0};
	for (size_t k = 0; k < image->edges.count; k += 2)
		add_edge(&edges, image->edges.items[k], image->edges.items[k + 1], EDGE_FIRM);
	take_edges(stop, &edges);
	return true;
}
