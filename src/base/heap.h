/*
 * Binary min-heap of intrusive nodes, used for timers. The smallest key comes first; equal keys
 * come in insertion order, so the same input always produces the same sequence.
 *
 *   struct retry { struct heap_node timer; ... };
 *   heap_set(&h, &retry->timer, due);        inserts, or changes the key
 *   heap_remove(&h, &retry->timer);          does nothing if it is not in the heap
 *   while ((n = heap_first(&h)) && n->key <= now) ...
 */
#ifndef SAMOZA_BASE_HEAP_H
#define SAMOZA_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	uint64_t order; /* of insertion */
	size_t index;	/* position + 1; 0: in no heap */
};

struct heap {
	struct heap_node **nodes; /* borrowed: the nodes live in their owners */
	size_t count, capacity;
	uint64_t next_order;
};

void heap_done(struct heap *h);
void heap_set(struct heap *h, struct heap_node *n, int64_t key);
void heap_remove(struct heap *h, struct heap_node *n);
/* Numbers the nodes in the order in which they come, from 0 on: two heaps in which the same has happened then have the
 * same numbers, however often something was inserted and removed, and where keys differ also in whatever order. What comes
 * first stays so. */
void heap_number(struct heap *h);
/* As heap_set(), with the number that heap_number() has given in another heap. */
void heap_restore(struct heap *h, struct heap_node *n, int64_t key, uint64_t order);
struct heap_node *heap_first(const struct heap *h);
static inline bool heap_has(const struct heap_node *n)
{
	return n->index != 0;
}

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
