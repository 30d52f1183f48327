#include "core/place/state/domain_counts.h"

#include "base/check.h"

void counts_done(struct domain_counts *c)
{
	free(c->dense);
	map_done(&c->sparse);
	*c = (struct domain_counts){0};
}

static void dense_resize(struct domain_counts *c, uint32_t size)
{
	c->dense = mem_resize(c->dense, size, sizeof(*c->dense));
	memset(c->dense + c->dense_size, 0, (size - c->dense_size) * sizeof(*c->dense));
	c->dense_size = size;
}

static void become_dense(struct domain_counts *c, uint32_t domains)
{
	struct map sparse = c->sparse;
	c->sparse = (struct map){0};
	for (uint32_t i = 0; i <= sparse.mask; i++) {
		if (sparse.keys[i] != MAP_EMPTY && sparse.keys[i] >= domains)
			domains = (uint32_t)sparse.keys[i] + 1;
	}
	dense_resize(c, domains);
	for (uint32_t i = 0; i <= sparse.mask; i++) {
		if (sparse.keys[i] != MAP_EMPTY)
			c->dense[sparse.keys[i]] = sparse.values[i];
	}
	map_done(&sparse);
}

void counts_add(struct domain_counts *c, uint32_t domain, int32_t delta, uint32_t domains)
{
	if (c->dense == NULL) {
		uint32_t *value = map_find(&c->sparse, domain);
		uint32_t now = (value != NULL ? *value : 0) + (uint32_t)delta;
		INVARIANT(now <= INT32_MAX);
		if (now == 0)
			map_remove(&c->sparse, domain);
		else if (value != NULL)
			*value = now;
		else
			map_put(&c->sparse, domain, now);
		if (c->sparse.count > 4 && c->sparse.mask > domains / 4)
			become_dense(c, domains);
		return;
	}
	if (domain >= c->dense_size)
		dense_resize(c, domain < domains ? domains : domain + domain / 2 + 1);
	c->dense[domain] += (uint32_t)delta;
	INVARIANT(c->dense[domain] <= INT32_MAX);
}
