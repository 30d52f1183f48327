/*
 * Places for a set of units, all or none.
 *
 *   greedily       kinds of units by how constrained they are, each unit on its best zhost. A kind
 *                  that finds none goes to the front, and the search starts again, a few times
 *   by counting    bounds.h: some sets clearly have no solution
 *   exhaustively   backtrack.h, within a budget
 */
#ifndef SAMOZA_CORE_PLACE_SEARCH_SEARCH_H
#define SAMOZA_CORE_PLACE_SEARCH_SEARCH_H

#include "core/place/search/search_state.h"

/* The groups of the units count as pending until search_done(). */
void search_init(struct unit_search *s, struct place *p,
		 const struct place_unit_request *const *requests, uint32_t count);
/* True: every unit is placed. False: none is; dead_end tells where it ended. */
bool search_run(struct unit_search *s);
/* Frees; the units stay as they are. */
void search_done(struct unit_search *s);

#endif
