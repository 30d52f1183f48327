#include "core/place/tally.h"

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

void tally_done(struct tally *t)
{
	free(t->dense);
	map_done(&t->sparse);
	*t = (struct tally){0};
}

size_t tally_bytes(const struct tally *t)
{
	size_t sparse = t->sparse.mask == 0 ? 0 : ((size_t)t->sparse.mask + 1) * 12;
	return sparse + (size_t)t->dense_size * sizeof(*t->dense);
}

static void dense_resize(struct tally *t, uint32_t size)
{
	t->dense = mem_resize(t->dense, size, sizeof(*t->dense));
	memset(t->dense + t->dense_size, 0, (size - t->dense_size) * sizeof(*t->dense));
	t->dense_size = size;
}

static void become_dense(struct tally *t, uint32_t domains)
{
	struct map sparse = t->sparse;
	t->sparse = (struct map){0};
	for (uint32_t i = 0; i <= sparse.mask; i++) {
		if (sparse.keys[i] != MAP_EMPTY && sparse.keys[i] >= domains)
			domains = (uint32_t)sparse.keys[i] + 1;
	}
	dense_resize(t, domains);
	for (uint32_t i = 0; i <= sparse.mask; i++) {
		if (sparse.keys[i] != MAP_EMPTY)
			t->dense[sparse.keys[i]] = sparse.values[i];
	}
	map_done(&sparse);
}

void tally_add(struct tally *t, uint32_t domain, int32_t delta, uint32_t domains)
{
	if (t->dense == NULL) {
		uint32_t *value = map_find(&t->sparse, domain);
		uint32_t now = (value != NULL ? *value : 0) + (uint32_t)delta;
		INVARIANT(now <= INT32_MAX);
		if (now == 0)
			map_remove(&t->sparse, domain);
		else if (value != NULL)
			*value = now;
		else
			map_put(&t->sparse, domain, now);
		if (t->sparse.count > 4 && t->sparse.mask > domains / 4)
			become_dense(t, domains);
		return;
	}
	if (domain >= t->dense_size)
		dense_resize(t, domain < domains ? domains : domain + domain / 2 + 1);
	t->dense[domain] += (uint32_t)delta;
	INVARIANT(t->dense[domain] <= INT32_MAX);
}
