/*
 * Who waits, for what, and who may be tried again.
 *
 *   waiter    a ticket: a request without a place
 *   watch     one unit of it that found none: one of those that would not fit even alone is
 *             enough; all of them where only the whole does not fit
 *   shape     what watches of equal terrain, amounts and devices need of a zhost. A zhost that
 *             gained something is compared with shapes, ordered by cpu, not with waiters
 *   group     an affinity waits for members of a group to come, an anti-affinity for them to go
 *
 * A shape that fits a changed zhost makes its waiters due, oldest first, one after the other as
 * long as it still fits: the first that takes the room ends it for the others.
 */
#ifndef SAMOZA_CORE_PLACE_WAIT_H
#define SAMOZA_CORE_PLACE_WAIT_H

#include "core/place/engine.h"

struct waiting;
struct waiting *waiting_new(void);
/* No ticket waits any more. */
void waiting_end_all(struct place *p);
void waiting_free(struct waiting *w);
/* What a ticket waits for counts as wanted (`sign` 1) or no longer (-1): the units that wait
 * with `u` are no obstacle to an affinity with them. */
void wait_pend(struct place *p, const struct unit *u, int32_t sign);

/* The zhost is new, or offers other things, or is available (or not) again. */
void wait_zhost_described(struct place *p, uint32_t zhost);
void wait_zhost_removed(struct place *p, uint32_t zhost);
void wait_unit_came(struct place *p, const struct unit *u);
void wait_unit_left(struct place *p, const struct need *n, uint32_t zhost);

#endif
