/*
 * Whether a zhost passes the rules, fast and without reasons. Built-in rules are decided from
 * amounts, bits and counters, the others by their objects (rule/rule.h); tests compare the two.
 * What the zhost itself decides, what labels decide, and spread are apart, because an index
 * keeps them apart.
 */
#ifndef SAMOZA_CORE_PLACE_CHOOSE_ELIGIBILITY_H
#define SAMOZA_CORE_PLACE_CHOOSE_ELIGIBILITY_H

#include "core/place/rule/minimums.h"

/* Rules 1 (but what the request excludes), 2, 3 and 6: all that a demand decides. */
bool fits_demand(const struct place *p, const struct demand *d, uint32_t zhost);
/* The same, and of rule 4 what the zhost itself decides: what an index keeps of a zhost. Needs
 * with rules by looking have no index. */
bool fits_node(const struct place *p, const struct need *n, uint32_t zhost,
	       enum strictness strictness);
/* Of rule 4 what labels decide. */
bool fits_labels(const struct place *p, const struct need *n, uint32_t zhost,
		 enum strictness strictness);
/* Both, and rules by looking: all but spread and what the request excludes; the second without
 * devices. */
bool fits(const struct place *p, const struct need *n, uint32_t zhost,
	  enum strictness strictness);
bool fits_but_devices(const struct place *p, const struct need *n, uint32_t zhost,
		      enum strictness strictness);
/* Rules that depend on what else is placed: 4, and rules by looking. */
/* Upon what rule 4 depends. */
enum place_company company_of(const struct place *p, const struct need *n);
bool fits_company(const struct place *p, const struct need *n, uint32_t zhost,
		  enum strictness strictness);
/* All rules. */
bool fits_request(const struct place *p, const struct need *n,
		  const struct place_unit_request *r, uint32_t zhost,
		  enum strictness strictness);

/* Rules 2 to 6, of one that is there already: whether new units are placed there does not matter to it. PRE: it
 * is detached. */
bool fits_where_it_is(struct place *p, const struct need *n, uint32_t zhost);

/* What spread compares with, for a need and what its request excludes. */
void minimums_measure(const struct place *p, const struct need *n,
		      const struct place_unit_request *r, enum strictness strictness,
		      struct spread_minimums *m);

#endif
