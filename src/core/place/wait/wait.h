/*
 * Requests that wait, and what wakes them.
 *
 *   waiter    a ticket: a request that found no place
 *   watch     one unit of it: one of those that would not fit even alone is enough; all of them where
 *             only the whole does not fit
 *   queue     the watches of equal demand (queues.h). Every unit needs room on a zhost that runs and
 *             suits it, so every watch is in one, or pinned to the only zhost that is possible
 *   group     what else a rule wakes on (rule/rule.h): members of a group that come, or leave
 *
 * A queue that fits a changed zhost makes its waiters due, oldest first, one after the other as
 * long as it still fits: the first that takes the room ends it for the others.
 *
 * These calls report changes; the public ones are in place.h.
 */
#ifndef SAMOZA_CORE_PLACE_WAIT_WAIT_H
#define SAMOZA_CORE_PLACE_WAIT_WAIT_H

#include "core/place/state/state.h"

struct waiting *waiting_new(void);
/* No ticket waits any more. */
void waiting_end_all(struct place *p);
void waiting_free(struct waiting *w);

/* While `sign` is 1 (until -1), the units that wait under the same ticket as `u` count as
 * pending: they are no obstacle to an affinity with them. */
void wait_pend(struct place *p, const struct place_unit *u, int32_t sign);

/* The zhost is new, or offers other things, or is available again or no longer. */
void wait_node_described(struct place *p, uint32_t zhost);
/* Before it goes. */
void wait_node_removed(struct place *p, uint32_t zhost);
void wait_unit_came(struct place *p, const struct place_unit *u);
/* It is about to leave: others are on their own. */
void wait_unit_leaves(struct place *p, const struct place_unit *u);
/* A unit of that need left the zhost. */
void wait_unit_left(struct place *p, const struct need *n, uint32_t zhost);

#endif
