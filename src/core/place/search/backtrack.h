/*
 * The exhaustive search, where the greedy one did not help. Each level takes the kind of unit
 * that has the fewest zhosts left, and tries them, best first. A zhost that was tried in vain
 * for a kind at some level is not tried for another unit of that kind below: they can stand for
 * each other, so the answer would be the same.
 *
 * Below the last level everything is checked once more: an affinity may have been relied on and
 * not come, and spread is only known when all units are placed.
 *
 * Every look at a zhost for a kind is one step of the budget.
 */
#ifndef SAMOZA_CORE_PLACE_SEARCH_BACKTRACK_H
#define SAMOZA_CORE_PLACE_SEARCH_BACKTRACK_H

#include "core/place/search/search_state.h"

/* True: every unit is placed. False: none is, or the budget is spent. */
bool backtrack(struct unit_search *s);

#endif
