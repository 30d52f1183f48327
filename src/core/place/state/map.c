#include "core/place/state/map.h"

#include "base/check.h"

void map_done(struct map *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct map){0};
}

static void map_grow(struct map *m)
{
	uint32_t capacity = m->mask == 0 ? 8 : (m->mask + 1) * 2;
	struct map grown = {.keys = mem_new_array(uint64_t, capacity),
			    .values = mem_new_array(uint32_t, capacity),
			    .mask = capacity - 1};
	memset(grown.keys, 0xff, capacity * sizeof(*grown.keys));
	for (uint32_t i = 0; m->mask != 0 && i <= m->mask; i++) {
		if (m->keys[i] != MAP_EMPTY)
			map_put(&grown, m->keys[i], m->values[i]);
	}
	map_done(m);
	*m = grown;
}

void map_put(struct map *m, uint64_t key, uint32_t value)
{
	PRE(key != MAP_EMPTY);
	uint32_t *found = map_find(m, key);
	if (found != NULL) {
		*found = value;
		return;
	}
	if (m->mask == 0 || m->count >= m->mask - m->mask / 4)
		map_grow(m);
	uint32_t i = map_slot(key, m->mask);
	while (m->keys[i] != MAP_EMPTY)
		i = (i + 1) & m->mask;
	m->keys[i] = key;
	m->values[i] = value;
	m->count++;
}

/* Closes the gap by moving back what probed over it, so that no tombstones pile up. */
void map_remove(struct map *m, uint64_t key)
{
	uint32_t *found = map_find(m, key);
	if (found == NULL)
		return;
	uint32_t gap = (uint32_t)(found - m->values);
	for (uint32_t i = (gap + 1) & m->mask; m->keys[i] != MAP_EMPTY; i = (i + 1) & m->mask) {
		uint32_t home = map_slot(m->keys[i], m->mask);
		if (((i - home) & m->mask) >= ((i - gap) & m->mask)) {
			m->keys[gap] = m->keys[i];
			m->values[gap] = m->values[i];
			gap = i;
		}
	}
	m->keys[gap] = MAP_EMPTY;
	m->count--;
}
