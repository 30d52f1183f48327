/*
 * Strongly connected components: which nodes of a graph are in circles with each other.
 *
 *      a ──► b ◄──► c ──► d           {a} {b, c} {d}: of these, nothing outside of {a} leads into it
 */
#ifndef SAMOZA_CORE_LIFECYCLE_COMPONENTS_H
#define SAMOZA_CORE_LIFECYCLE_COMPONENTS_H

#include <stddef.h>
#include <stdint.h>

struct arc {
	uint32_t from, to;
};

/* Writes the number of its component for each node, and returns how many there are. Time and memory are linear, and
 * nothing recurs. PRE: the arcs are sorted by `from`. */
uint32_t components_find(uint32_t node_count, const struct arc *arcs, size_t arc_count,
			 uint32_t *ret_component);

#endif
