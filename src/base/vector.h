/*
 * A growable array of any type, as an anonymous struct:
 *
 *   VECTOR(struct placement) placements = {0};
 *   *vector_add(&placements) = (struct placement){...};      a new item is zeroed
 *   vector_for_each (&placements, p) ...                     p points to each item in turn
 *   vector_done(&placements);
 *
 * Pointers to items are valid until the next vector_add() or vector_push().
 */
#ifndef SAMOZA_BASE_VECTOR_H
#define SAMOZA_BASE_VECTOR_H

#include <stddef.h>

#include "base/check.h"
#include "base/memory.h"

#define VECTOR(type)             \
	struct {                 \
		type *items;     \
		size_t count;    \
		size_t capacity; \
	}

#define vector_add(v)                                                                          \
	(vector_grow_((void **)&(v)->items, &(v)->count, &(v)->capacity, sizeof(*(v)->items)), \
	 &(v)->items[(v)->count - 1])
#define vector_push(v, item) ((void)(*vector_add(v) = (item)))
#define vector_last(v)	     (&(v)->items[vector_index_((v)->count - 1, (v)->count)])
#define vector_clear(v)	     ((void)((v)->count = 0))
#define vector_done(v)                          \
	do {                                    \
		free((v)->items);               \
		(v)->items = NULL;              \
		(v)->count = (v)->capacity = 0; \
	} while (0)
#define vector_for_each(v, p)                         \
	for (__typeof__(*(v)->items) *p = (v)->items; \
	     p != NULL && p < (v)->items + (v)->count; p++)
#define vector_remove_at(v, index)                                           \
	do {                                                                 \
		size_t vector_i_ = vector_index_((index), (v)->count);       \
		memmove(&(v)->items[vector_i_], &(v)->items[vector_i_ + 1],  \
			((v)->count - vector_i_ - 1) * sizeof(*(v)->items)); \
		(v)->count--;                                                \
	} while (0)

static inline size_t vector_index_(size_t index, size_t count)
{
	PRE(index < count);
	return index;
}

static inline void vector_grow_(void **items, size_t *count, size_t *capacity, size_t size)
{
	if (*count == *capacity) {
		*capacity = *capacity > 0 ? *capacity * 2 : 8;
		*items = mem_resize(*items, *capacity, size);
	}
	memset((char *)*items + *count * size, 0, size);
	(*count)++;
}

#endif
