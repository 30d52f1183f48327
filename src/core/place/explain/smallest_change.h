/* The smallest change that would make a zhost eligible: the fewest rules, then the least
 * amount. */
#ifndef SAMOZA_CORE_PLACE_EXPLAIN_SMALLEST_CHANGE_H
#define SAMOZA_CORE_PLACE_EXPLAIN_SMALLEST_CHANGE_H

#include "core/place/rule/filter.h"

/* NULL when none is known; the caller frees. */
char *smallest_change(struct filter *f);

#endif
