/*
 * How much better one unit would be placed elsewhere. It is compared with the best zhost that there is for it,
 * as if it had no place now:
 *
 *   rules        where it is, a required rule does not hold
 *   preference   sum of the weights, as in its score
 *   neighbours   strategy spread: units of its topology beside it
 *   balance      strategy spread: the load of the two zhosts, by the sum of its squares, and only where the
 *                difference is felt (PLACE_LOAD_GAP)
 *
 * Each part counts only where those before it are equal. A zhost that is worse in an earlier part is never
 * better: the cluster as a whole improves with each move, so that moves end.
 *
 * A unit stays with what requires its company there, unless another instance of its space does.
 *
 * Fragmentation of devices chooses among zhosts, but is no reason to move.
 */
#ifndef SAMOZA_CORE_PLACE_IMPROVE_IMPROVE_H
#define SAMOZA_CORE_PLACE_IMPROVE_IMPROVE_H

#include "core/place/rule/minimums.h"

/* The least load that there may be on an available zhost. */
uint32_t least_load(const struct place *p);
/* PLACE_NONE: nowhere. `least`: no zhost has less load (a bound that saves looking). PRE: ranked, and the
 * workload is known; the unit is placed and shares no room. */
uint32_t improve_unit(struct place *p, const struct place_unit_request *r, uint32_t least,
		      struct spread_minimums *scratch, struct place_gain *ret_gain);
/* Negative: `a` is the smaller one. */
int gain_compare(const struct place_gain *a, const struct place_gain *b);

#endif
