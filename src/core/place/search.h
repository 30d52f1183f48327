/*
 * A set of units of one topology, all placed or none.
 *
 *   greedily       kinds of units by how constrained they are, each unit on its best zhost.
 * Where one finds none, its kind goes first and all begins again, a few times exhaustively
 * backtrack.c, within a budget
 *
 * Units of the same need with the same exclusions are of one kind: they can stand for each
 * other.
 */
#ifndef SAMOZA_CORE_PLACE_SEARCH_H
#define SAMOZA_CORE_PLACE_SEARCH_H

#include "core/place/engine.h"

struct kind {
	struct need *need;
	const struct place_unit_request *request; /* of the first; others exclude the same */
	struct unit **units; /* by instance; only one, where its slot has others */
	uint32_t unit_count;
	uint32_t placed;  /* the first so many units */
	uint32_t urgency; /* grows when it finds no place: then it goes earlier */
	uint32_t depth;	  /* how many others it waits for by required affinity */
	uint32_t terrain; /* zhosts that pass rules 2 and 3 */
	uint32_t number;  /* in the order of topologies and instances */
	double size;	  /* of its need, against the largest zhost */
};

/* The farthest that a search came: so much placed, and `unit` found no place. */
struct dead_end {
	struct unit *unit; /* NULL: never */
	const struct place_unit_request *request;
	bool at_the_end; /* all had places, but rule 4 or 5 did not hold for `unit` */
	uint32_t depth;
	struct unit **units; /* that were placed, and where */
	uint32_t *zhosts;
};

struct search {
	struct place *place;
	struct kind *kinds; /* in the order of trying */
	uint32_t kind_count;
	uint32_t unit_count;
	struct unit **units; /* memory of kinds[].units */
	struct dead_end dead_end;
	uint64_t steps, steps_max;
	bool budget_spent;
};

/* Units wanted; their groups count as pending until search_done(). */
void search_init(struct search *s, struct place *p,
		 const struct place_unit_request *const *wants, uint32_t want_count);
/* True: every unit is attached. False: none is; dead_end says where it ended. */
bool search_run(struct search *s);
/* Frees; the units stay as they are. */
void search_done(struct search *s);

/* Whether everything that the search placed is eligible, given everything else; else the kind
 * and unit for which it does not hold. */
bool search_holds(struct search *s, struct kind **ret_kind, struct unit **ret_unit);
void search_place(struct search *s, struct kind *k, uint32_t zhost);
/* Takes back the last one placed of the kind. */
void search_unplace(struct search *s, struct kind *k);
void search_unplace_all(struct search *s);
void search_ended(struct search *s, struct kind *k, struct unit *at_the_end);

/* backtrack.c: true: every unit is attached. */
bool backtrack(struct search *s);

#endif
