#include "zhost/space/start_queue.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"

struct start_queue {
	unsigned slots, held;
	struct start_slot *queue;
};

struct start_queue *start_queue_new(unsigned slots)
{
	struct start_queue *q = mem_new(struct start_queue);
	q->slots = slots;
	return q;
}

void start_queue_free(struct start_queue *q)
{
	free(q);
}

static void hold(struct start_queue *q, struct start_slot *slot)
{
	slot->is_held = true;
	q->held++;
}

bool start_queue_take(struct start_queue *q, struct start_slot *slot)
{
	PRE(!slot->is_held && !slot->is_queued);
	if (q->held < q->slots) {
		hold(q, slot);
		return true;
	}
	slot->is_queued = true;
	DL_APPEND(q->queue, slot);
	return false;
}

void start_queue_leave(struct start_queue *q, struct start_slot *slot)
{
	if (slot->is_queued)
		DL_DELETE(q->queue, slot);
	if (slot->is_held)
		q->held--;
	*slot = (struct start_slot){0};
}

struct start_slot *start_queue_next(struct start_queue *q)
{
	struct start_slot *slot = q->queue;
	if (slot == NULL || q->held >= q->slots)
		return NULL;
	start_queue_leave(q, slot);
	hold(q, slot);
	return slot;
}

unsigned start_queue_held(const struct start_queue *q)
{
	return q->held;
}
