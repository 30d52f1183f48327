/* What spread compares with: for each spread term of a need, the fewest instances in any domain
 * of the zhosts that pass the other rules. */
#ifndef SAMOZA_CORE_PLACE_RULE_MINIMUMS_H
#define SAMOZA_CORE_PLACE_RULE_MINIMUMS_H

#include "core/place/state/state.h"

struct spread_minimum {
	uint32_t fewest, domain; /* and one domain that has so few; UINT32_MAX: there is none */
	uint32_t second;	 /* the fewest in any other */
};

struct spread_minimums {
	struct spread_minimum *items; /* for each spread term of the need */
	uint32_t capacity;	      /* of the array */
};

/* None yet; grows the array if need be. */
void minimums_reset(struct spread_minimums *m, const struct need *n);
void minimums_done(struct spread_minimums *m);
/* Takes into account the domains of a zhost that passes the other rules. */
void minimums_add(const struct place *p, const struct need *n, uint32_t zhost,
		  struct spread_minimums *m);
/* A domain with `count` instances. */
void minimum_add(struct spread_minimum *m, uint32_t domain, uint32_t count);

/* One required term, for one unit more in `domain` with `count` instances. */
bool spread_holds(const struct spread_term *s, const struct spread_minimum *m, uint32_t domain,
		  uint32_t count);
/* Rule 5: all required terms. */
bool fits_spread(const struct place *p, const struct need *n, uint32_t zhost,
		 const struct spread_minimums *m);

#endif
