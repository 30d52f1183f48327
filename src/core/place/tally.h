/*
 * Hashed numbers without surprises: a map from 64-bit keys to 32-bit values, and a tally,
 * which counts things by domain (a zhost, or one value of a label).
 *
 * A tally begins as a map and becomes a plain array once that is smaller: a group of ten
 * instances on 5,000 zhosts takes some hundred bytes, one of ten thousand takes 20 kB.
 * Neither is ever iterated: no answer depends on the order of a hash.
 */
#ifndef SAMOZA_CORE_PLACE_TALLY_H
#define SAMOZA_CORE_PLACE_TALLY_H

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

struct tally {
	uint32_t *dense; /* by domain; NULL while it is a map */
	uint32_t dense_size;
	struct map sparse;
};

void tally_done(struct tally *t);
/* `domains`: how many there are (a hint for the change of form). PRE: never below zero. */
void tally_add(struct tally *t, uint32_t domain, int32_t delta, uint32_t domains);
size_t tally_bytes(const struct tally *t);

static inline uint32_t tally_get(const struct tally *t, uint32_t domain)
{
	if (t->dense != NULL)
		return domain < t->dense_size ? t->dense[domain] : 0;
	const uint32_t *value = map_find(&t->sparse, domain);
	return value != NULL ? *value : 0;
}

#endif
