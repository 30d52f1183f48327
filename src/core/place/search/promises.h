/*
 * What units that a search has placed rely on: an affinity held for them in advance, as an instance that it wants is requested
 * and not placed yet. One has to come there before the search ends. Each look at a promise is a step of the search.
 */
#ifndef SAMOZA_CORE_PLACE_SEARCH_PROMISES_H
#define SAMOZA_CORE_PLACE_SEARCH_PROMISES_H

#include "core/place/search/search_state.h"

struct promise {
	uint32_t group, column,
		domain;		/* an instance of that group is to come to that domain */
	struct unit_kind *kind; /* of the unit that relies on it */
	struct place_unit *unit;
};

struct promises {
	VECTOR(struct promise) open;
};

/* Those of the units that are placed now. */
void promises_collect(struct promises *all, struct unit_search *s);
/* Whether a unit of the kind may go there: it is not the last of what a promise waits for, or keeps every such one. */
bool promises_allow(const struct promises *all, struct unit_search *s,
		    const struct unit_kind *k, uint32_t zhost);
/* Whether it would keep one there. */
bool promises_kept_by(const struct promises *all, struct unit_search *s,
		      const struct unit_kind *k, uint32_t zhost);
/* One that no unit which has still to be placed can keep; NULL: there is none, or the search is over. Borrowed. `ret_awaited`:
 * the first kind of what is to come, which has no room there; NULL: all of that is placed. */
const struct promise *promises_find_broken(const struct promises *all, struct unit_search *s,
					   struct unit_kind **ret_awaited);
void promises_done(struct promises *all);

#endif
