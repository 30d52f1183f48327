/*
 * Counts by domain (a zhost, or one value of a label). They begin as a map and become a plain
 * array once that is smaller: ten instances on 5,000 zhosts take some hundred bytes, ten
 * thousand take 20 kB.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_DOMAIN_COUNTS_H
#define SAMOZA_CORE_PLACE_STATE_DOMAIN_COUNTS_H

#include "core/place/state/map.h"

struct domain_counts {
	uint32_t *dense; /* by domain; NULL while it is a map */
	uint32_t dense_size;
	struct map sparse;
};

void counts_done(struct domain_counts *c);
/* `domains`: how many there are (a hint for the change of form). PRE: never below zero. */
void counts_add(struct domain_counts *c, uint32_t domain, int32_t delta, uint32_t domains);

static inline uint32_t counts_get(const struct domain_counts *c, uint32_t domain)
{
	if (c->dense != NULL)
		return domain < c->dense_size ? c->dense[domain] : 0;
	const uint32_t *value = map_find(&c->sparse, domain);
	return value != NULL ? *value : 0;
}

#endif
