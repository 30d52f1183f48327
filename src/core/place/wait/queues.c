#include "core/place/wait/queues.h"

#include <string.h>

#include "core/place/state/devices.h"

/* As far as the demand decides; other rules are looked at when it is tried. */
static bool fits(const struct place *p, const struct demand *d, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	return d->cpu <= node->cpu_free && d->memory <= node->memory_free &&
	       node_available(node) &&
	       feasible_has(&p->feasible_sets.items[d->feasible], zhost) &&
	       (d->request_count == 0 ||
		devices_fit(node->devices, node->device_count, d, NULL));
}

/* The first queue with at least that much cpu. */
static size_t position_of(const struct waiting *w, int64_t cpu)
{
	size_t low = 0, high = w->queues.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (w->queues.items[middle]->demand->cpu < cpu)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct demand_queue *queue_of(struct place *p, struct demand *d)
{
	struct waiting *w = p->waiting;
	size_t at = position_of(w, d->cpu);
	for (; at < w->queues.count && w->queues.items[at]->demand->cpu == d->cpu; at++) {
		if (w->queues.items[at]->demand == d)
			return w->queues.items[at];
	}
	struct demand_queue *q = mem_new(struct demand_queue);
	*q = (struct demand_queue){.due.is_queue = true, .demand = d};
	(void)vector_add(&w->queues);
	memmove(&w->queues.items[at + 1], &w->queues.items[at],
		(w->queues.count - 1 - at) * sizeof(*w->queues.items));
	w->queues.items[at] = q;
	return q;
}

static void schedule(struct place *p, struct demand_queue *q)
{
	if (q->next < q->watches.count)
		heap_set(&p->waiting->due, &q->due.node,
			 (int64_t)q->watches.items[q->next]->waiter->order);
	else
		heap_remove(&p->waiting->due, &q->due.node);
}

static bool is_older(const struct watch *a, const struct watch *b)
{
	const struct waiter *x = a->waiter, *y = b->waiter;
	return x->order != y->order ? x->order < y->order : x->ticket < y->ticket;
}

void queue_join(struct place *p, struct watch *watch)
{
	struct demand_queue *q = queue_of(p, watch->need->demand);
	size_t low = 0, high = q->watches.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (is_older(q->watches.items[middle], watch))
			low = middle + 1;
		else
			high = middle;
	}
	(void)vector_add(&q->watches);
	memmove(&q->watches.items[low + 1], &q->watches.items[low],
		(q->watches.count - 1 - low) * sizeof(*q->watches.items));
	q->watches.items[low] = watch;
	/* It has just been tried. */
	if (low < q->next || heap_has(&q->due.node))
		q->next += low <= q->next;
	watch->queue = q;
}

void queue_leave(struct place *p, struct watch *watch)
{
	struct demand_queue *q = watch->queue;
	struct waiting *w = p->waiting;
	size_t at = 0;
	while (q->watches.items[at] != watch)
		at++;
	vector_remove_at(&q->watches, at);
	q->next -= at < q->next;
	if (heap_has(&q->due.node))
		schedule(p, q);
	if (q->watches.count > 0)
		return;
	size_t position = position_of(w, q->demand->cpu);
	while (w->queues.items[position] != q)
		position++;
	vector_remove_at(&w->queues, position);
	heap_remove(&w->due, &q->due.node);
	vector_done(&q->watches);
	free(q);
}

static void add_gain(struct place *p, struct demand_queue *q, uint32_t zhost)
{
	if (!heap_has(&q->due.node))
		q->gained_count = 0;
	bool known = q->gained_count > GAINED_MAX;
	for (uint32_t i = 0; i < q->gained_count && !known; i++)
		known = q->gained[i] == zhost;
	if (!known && q->gained_count < GAINED_MAX)
		q->gained[q->gained_count] = zhost;
	q->gained_count += !known;
	q->next = 0;
	schedule(p, q);
}

void queues_gained(struct place *p, uint32_t zhost)
{
	struct waiting *w = p->waiting;
	const struct place_node *node = node_at(p, zhost);
	if (w->queues.count == 0 || !node_available(node))
		return;
	for (size_t i = 0;
	     i < w->queues.count && w->queues.items[i]->demand->cpu <= node->cpu_free; i++) {
		if (fits(p, w->queues.items[i]->demand, zhost))
			add_gain(p, w->queues.items[i], zhost);
	}
}

/* Whether what made it due is still there. */
static bool still_fits(const struct place *p, const struct demand_queue *q)
{
	if (q->gained_count > GAINED_MAX)
		return true;
	for (uint32_t i = 0; i < q->gained_count; i++) {
		if (fits(p, q->demand, q->gained[i]))
			return true;
	}
	return false;
}

struct watch *queue_next(struct place *p, struct demand_queue *q)
{
	if (!still_fits(p, q)) {
		heap_remove(&p->waiting->due, &q->due.node);
		return NULL;
	}
	struct watch *watch = q->watches.items[q->next++];
	schedule(p, q);
	return watch;
}
