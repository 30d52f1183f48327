#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->nodes[i]->index = 0;
	free(h->nodes);
	*h = (struct heap){0};
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void put(struct heap *h, size_t i, struct heap_node *n)
{
	h->nodes[i] = n;
	n->index = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
	struct heap_node *n = h->nodes[i];
	while (i > 0 && before(n, h->nodes[(i - 1) / 2])) {
		put(h, i, h->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, n);
}

static void sift_down(struct heap *h, size_t i)
{
	struct heap_node *n = h->nodes[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= h->count)
			break;
		if (child + 1 < h->count && before(h->nodes[child + 1], h->nodes[child]))
			child++;
		if (!before(h->nodes[child], n))
			break;
		put(h, i, h->nodes[child]);
		i = child;
	}
	put(h, i, n);
}

static void insert(struct heap *h, struct heap_node *n, int64_t key, uint64_t order)
{
	n->key = key;
	n->order = order;
	if (h->count == h->capacity) {
		h->capacity = h->capacity > 0 ? h->capacity * 2 : 16;
		h->nodes = mem_resize(h->nodes, h->capacity, sizeof(*h->nodes));
	}
	put(h, h->count++, n);
	sift_up(h, h->count - 1);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
	heap_remove(h, n);
	insert(h, n, key, h->next_order++);
}

void heap_restore(struct heap *h, struct heap_node *n, int64_t key, uint64_t order)
{
	heap_remove(h, n);
	insert(h, n, key, order);
	if (h->next_order <= order)
		h->next_order = order + 1;
}

static int compare_nodes(const void *pa, const void *pb)
{
	const struct heap_node *a = *(struct heap_node *const *)pa;
	const struct heap_node *b = *(struct heap_node *const *)pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void heap_number(struct heap *h)
{
	if (h->count > 0) {
		struct heap_node **sorted = mem_new_array(struct heap_node *, h->count);
		memcpy(sorted, h->nodes, h->count * sizeof(struct heap_node *));
		qsort(sorted, h->count, sizeof(struct heap_node *), compare_nodes);
		for (size_t k = 0; k < h->count; k++)
			sorted[k]->order = k;
		free(sorted);
	}
	h->next_order = h->count;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	if (n->index == 0)
		return;
	size_t i = n->index - 1;
	INVARIANT(i < h->count && h->nodes[i] == n);
	n->index = 0;
	struct heap_node *last = h->nodes[--h->count];
	if (last == n)
		return;
	put(h, i, last);
	sift_up(h, i);
	sift_down(h, last->index - 1);
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->count > 0 ? h->nodes[0] : NULL;
}
