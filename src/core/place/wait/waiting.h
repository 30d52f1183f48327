/* What is kept of requests that wait. */
#ifndef SAMOZA_CORE_PLACE_WAIT_WAITING_H
#define SAMOZA_CORE_PLACE_WAIT_WAITING_H

#include "base/heap.h"
#include "core/place/state/state.h"

/* What place_wait_next() hands out, oldest first: a waiter, or a queue with waiters that are
 * due. */
struct due {
	struct heap_node node;
	bool is_queue;
};

/* Zhosts that gained something since the queue became due; beyond this many: any. */
#define GAINED_MAX 8u

/* The watches of equal demand. */
struct demand_queue {
	struct due due;
	struct demand *demand;		/* of its watches' needs, borrowed */
	VECTOR(struct watch *) watches; /* by age of the topology */
	size_t next;			/* while due: the first not handed out */
	uint32_t gained[GAINED_MAX];
	uint32_t gained_count; /* GAINED_MAX + 1: any zhost */
};

/* A unit that found no place. */
struct watch {
	struct waiter *waiter;
	struct need *need;
	struct demand_queue *queue; /* NULL: only one zhost is possible */
	/* A zhost that is compared with this watch by itself: the only possible one, or the one
	 * where its incumbent leaves it room. */
	uint32_t pinned;   /* or PLACE_NONE */
	uint32_t replaces; /* whose room it may share there, or PLACE_NONE */
	bool ignore_cordon;
	struct watch *next_pinned; /* on the same zhost */
};

/* A group in whose list a waiter is. */
struct watched_group {
	uint32_t group;
	bool comes; /* waits for members to come; else for them to leave */
};

/* A ticket. */
struct waiter {
	struct due due;
	uint32_t ticket;
	uint64_t order; /* of its oldest topology */
	VECTOR(uint32_t) units;
	VECTOR(struct watch *) watches;
	VECTOR(struct watched_group) groups;
	bool any_move;	   /* in waiting.any_move */
	uint32_t hopeless; /* the only unit that is watched; PLACE_NONE: all are */
};

struct waiting {
	struct heap due;
	VECTOR(struct demand_queue *) queues; /* by cpu */
	VECTOR(struct waiter *) any_move;     /* a rule of theirs depends on units anywhere */
	VECTOR(struct waiter *) waiters;      /* NULL: free */
	VECTOR(uint32_t) free_waiters;
	struct map by_ticket; /* position in waiters */
};

#endif
