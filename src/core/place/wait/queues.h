/* Queues of watches with equal demand, ordered by cpu. A zhost that gained something is
 * compared with queues, not with waiters. */
#ifndef SAMOZA_CORE_PLACE_WAIT_QUEUES_H
#define SAMOZA_CORE_PLACE_WAIT_QUEUES_H

#include "core/place/wait/waiting.h"

/* Joins the queue of its need's demand. */
void queue_join(struct place *p, struct watch *watch);
/* Leaves it; an empty queue is freed. */
void queue_leave(struct place *p, struct watch *watch);
/* The zhost has more free, or is described otherwise: queues that fit there become due. */
void queues_gained(struct place *p, uint32_t zhost);
/* The next watch of a due queue; NULL when what made it due is gone, and it is due no longer.
 */
struct watch *queue_next(struct place *p, struct demand_queue *q);

#endif
