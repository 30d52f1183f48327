/* What the parts of a search work on. Units of the same need with equal requests are of one
 * kind: each can stand for another. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_SEARCH_STATE_H
#define SAMOZA_CORE_PLACE_SEARCH_SEARCH_STATE_H

#include "core/place/state/state.h"

struct unit_kind {
	struct need *need;
	const struct place_unit_request *request; /* of the first; others exclude the same */
	struct place_unit **units; /* by instance; only one, where its slot has others */
	uint32_t unit_count;
	uint32_t placed;   /* the first so many units */
	uint32_t urgency;  /* grows when it finds no place: then it goes earlier */
	uint32_t depth;	   /* how many others it waits for by required affinity */
	uint32_t feasible; /* zhosts that pass rules 2 and 3 */
	uint32_t number;   /* in the order of topologies and instances */
	double size;	   /* of its need, relative to the largest zhost */
};

/* The farthest point that a search reached: so much was placed, and `unit` found no place. */
struct dead_end {
	struct place_unit *unit; /* NULL: never */
	const struct place_unit_request *request;
	bool at_the_end; /* all had places, but rule 4 or 5 did not hold for `unit` */
	uint32_t depth;
	struct place_unit **units; /* that were placed, and where; NULL before the first one */
	uint32_t *zhosts;
};

/* Nearly every request is so small that its lists are on the stack: allocating them took a third
 * of a decision. */
#define FEW_UNITS 8u

struct unit_search {
	struct place *place;
	struct unit_kind *kinds; /* in the order of trying */
	uint32_t kind_count;
	uint32_t unit_count;
	struct place_unit **units; /* memory of kinds[].units */
	struct dead_end dead_end;
	uint64_t steps, steps_max;
	bool budget_spent;
};

/* It has no steps left: whatever it looks at it leaves as soon as it can. */
static inline bool search_is_over(const struct unit_search *s)
{
	return s->steps > s->steps_max;
}

#endif
