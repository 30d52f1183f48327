/*
 * How many instances may be starting at once: a start takes a slot until its process has made
 * contact; the others wait in order.
 */
#ifndef SAMOZA_ZHOST_SPACE_START_QUEUE_H
#define SAMOZA_ZHOST_SPACE_START_QUEUE_H

#include <stdbool.h>

struct start_queue;

/* Of one instance, embedded by it; zero at first. */
struct start_slot {
	bool is_held, is_queued;
	struct start_slot *next, *prev;
};

struct start_queue *start_queue_new(unsigned slots);
void start_queue_free(struct start_queue *q);

/* True: the slot is held now. False: it is queued. PRE: it is neither. */
bool start_queue_take(struct start_queue *q, struct start_slot *slot);
/* Gives the slot back, or leaves the queue; fine when it is neither. */
void start_queue_leave(struct start_queue *q, struct start_slot *slot);
/* The next one in the queue, which holds a slot from now on; NULL: none waits, or no slot is
 * free. */
struct start_slot *start_queue_next(struct start_queue *q);
/* Slots that are held. */
unsigned start_queue_held(const struct start_queue *q);

#endif
