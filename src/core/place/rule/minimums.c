#include "core/place/rule/minimums.h"

void minimum_add(struct spread_minimum *m, uint32_t domain, uint32_t count)
{
	if (domain == m->domain)
		return;
	if (count < m->fewest) {
		m->second = m->fewest;
		m->fewest = count;
		m->domain = domain;
	} else if (count < m->second) {
		m->second = count;
	}
}

void minimums_reset(struct spread_minimums *m, const struct need *n)
{
	if (n->spread_count > m->capacity) {
		m->items = mem_resize(m->items, n->spread_count, sizeof(struct spread_minimum));
		m->capacity = n->spread_count;
	}
	for (uint32_t i = 0; i < n->spread_count; i++)
		m->items[i] = (struct spread_minimum){UINT32_MAX, DOMAIN_NONE, UINT32_MAX};
}

void minimums_add(const struct place *p, const struct need *n, uint32_t zhost,
		  struct spread_minimums *m)
{
	for (uint32_t i = 0; i < n->spread_count; i++) {
		const struct spread_term *s = &n->spreads[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain != DOMAIN_NONE)
			minimum_add(&m->items[i], domain,
				    counts_get(&p->counters.items[s->counter].counts, domain));
	}
}

void minimums_done(struct spread_minimums *m)
{
	free(m->items);
	*m = (struct spread_minimums){0};
}

bool spread_holds(const struct spread_term *s, const struct spread_minimum *m, uint32_t domain,
		  uint32_t count)
{
	uint64_t now = (uint64_t)count + s->count;
	uint64_t fewest = domain == m->domain ? m->second : m->fewest;
	return now <= fewest || now - fewest <= s->max;
}

bool fits_spread(const struct place *p, const struct need *n, uint32_t zhost,
		 const struct spread_minimums *m)
{
	for (uint32_t i = 0; i < n->required_spreads; i++) {
		const struct spread_term *s = &n->spreads[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain == DOMAIN_NONE ||
		    !spread_holds(s, &m->items[i], domain,
				  counts_get(&p->counters.items[s->counter].counts, domain)))
			return false;
	}
	return true;
}
