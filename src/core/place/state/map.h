/*
 * A hash map from 64-bit keys to 32-bit values. It is never iterated where an answer could
 * depend on the order.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_MAP_H
#define SAMOZA_CORE_PLACE_STATE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define MAP_EMPTY UINT64_MAX /* never a key */

struct map {
	uint64_t *keys;
	uint32_t *values;
	uint32_t count;
	uint32_t mask; /* capacity - 1; 0 with no memory yet */
};

void map_done(struct map *m);
void map_put(struct map *m, uint64_t key, uint32_t value);
void map_remove(struct map *m, uint64_t key);

static inline uint32_t map_slot(uint64_t key, uint32_t mask)
{
	return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
}

/* Where the value of `key` is, NULL when there is none. Good until the next change. */
static inline uint32_t *map_find(const struct map *m, uint64_t key)
{
	if (m->count == 0)
		return NULL;
	for (uint32_t i = map_slot(key, m->mask);; i = (i + 1) & m->mask) {
		if (m->keys[i] == key)
			return &m->values[i];
		if (m->keys[i] == MAP_EMPTY)
			return NULL;
	}
}

#endif
