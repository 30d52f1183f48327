#include "core/lifecycle/components.h"

#include "base/check.h"
#include "base/memory.h"

/* Tarjan's walk. Numbers by node; 0: not visited. */
struct search {
	const struct arc *arcs;
	uint32_t *first_arc; /* of each node, and one beyond */
	uint32_t *next_arc;
	uint32_t *index, *low;
	uint32_t *calls, *open; /* stacks of nodes */
	uint32_t depth, height, next_index, count;
	uint32_t *component; /* UINT32_MAX: none yet */
};

static void enter(struct search *s, uint32_t node)
{
	s->calls[s->depth++] = node;
	s->index[node] = s->low[node] = ++s->next_index;
	s->next_arc[node] = s->first_arc[node];
	s->open[s->height++] = node;
}

/* All that is open above it is its component. */
static void close_component(struct search *s, uint32_t node)
{
	uint32_t member;
	do {
		member = s->open[--s->height];
		s->component[member] = s->count;
	} while (member != node);
	s->count++;
}

static void lower(struct search *s, uint32_t node, uint32_t low)
{
	if (low < s->low[node])
		s->low[node] = low;
}

static void leave(struct search *s)
{
	uint32_t node = s->calls[--s->depth];
	if (s->low[node] == s->index[node])
		close_component(s, node);
	else
		lower(s, s->calls[s->depth - 1], s->low[node]);
}

/* One arc of the node on top, or, where it has no further one, the way back. */
static void step(struct search *s)
{
	uint32_t node = s->calls[s->depth - 1];
	if (s->next_arc[node] == s->first_arc[node + 1]) {
		leave(s);
		return;
	}
	uint32_t to = s->arcs[s->next_arc[node]++].to;
	if (s->index[to] == 0)
		enter(s, to);
	else if (s->component[to] == UINT32_MAX)
		lower(s, node, s->index[to]);
}

static void count_arcs(struct search *s, uint32_t node_count, size_t arc_count)
{
	size_t at = 0;
	for (uint32_t node = 0; node < node_count; node++) {
		s->first_arc[node] = (uint32_t)at;
		while (at < arc_count && s->arcs[at].from == node)
			at++;
	}
	s->first_arc[node_count] = (uint32_t)at;
	PRE(at == arc_count);
}

uint32_t components_find(uint32_t node_count, const struct arc *arcs, size_t arc_count,
			 uint32_t *ret_component)
{
	CLEANUP(freep) uint32_t *first_arc = mem_new_array(uint32_t, node_count + 1);
	CLEANUP(freep) uint32_t *next_arc = mem_new_array(uint32_t, node_count + 1);
	CLEANUP(freep) uint32_t *index = mem_new_array(uint32_t, node_count + 1);
	CLEANUP(freep) uint32_t *low = mem_new_array(uint32_t, node_count + 1);
	CLEANUP(freep) uint32_t *calls = mem_new_array(uint32_t, node_count + 1);
	CLEANUP(freep) uint32_t *open = mem_new_array(uint32_t, node_count + 1);
	struct search s = {.arcs = arcs,
			   .first_arc = first_arc,
			   .next_arc = next_arc,
			   .index = index,
			   .low = low,
			   .calls = calls,
			   .open = open,
			   .component = ret_component};
	count_arcs(&s, node_count, arc_count);
	for (uint32_t node = 0; node < node_count; node++)
		ret_component[node] = UINT32_MAX;
	for (uint32_t node = 0; node < node_count; node++) {
		if (index[node] == 0)
			enter(&s, node);
		while (s.depth > 0)
			step(&s);
	}
	return s.count;
}
