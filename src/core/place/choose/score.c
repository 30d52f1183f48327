#include "core/place/choose/score.h"

#include "core/place/choose/fragmentation.h"

#define PREFERENCE_SHIFT 42
#define PREFERENCE_BIAS	 (INT32_C(1) << 21)
/* Of a zhost alone, and of its labels: their sum stays within the 22 bits. */
#define PREFERENCE_MAX	  ((INT32_C(1) << 20) - 1)
#define NEIGHBOURS_SHIFT  30
#define NEIGHBOURS_MAX	  4095u
#define FRAGMENTATION_MAX 32767
#define LOAD_MAX	  10000u
/* Weight of a preferred spread: for each instance more than in the emptiest domain, divided by
 * max_skew. */
#define SPREAD_WEIGHT 50

static int32_t clamp(int64_t value, int32_t limit)
{
	return value > limit ? limit : value < -limit ? -limit : (int32_t)value;
}

/* The preferences of the unit, and of placed units for it, in zhost scopes or label scopes. */
static int32_t preference(const struct place *p, const struct need *n, uint32_t zhost,
			  bool labels)
{
	int64_t sum = 0;
	for (uint32_t i = n->required_count; i < n->term_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		if ((t->column != SCOPE_ZHOST) != labels)
			continue;
		uint32_t domain = domain_of(p, t->column, zhost);
		if (domain == DOMAIN_NONE)
			continue;
		int64_t count = counts_get(&p->counters.items[t->counter].counts, domain);
		sum += t->kind == TERM_PREFER ? (count > 0 ? t->weight : 0)
					      : -count * t->weight;
	}
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct affinity_group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct group_counter *c =
				&p->counters.items[g->counters.items[k]];
			if (c->weight == 0 || (c->column != SCOPE_ZHOST) != labels)
				continue;
			uint32_t domain = domain_of(p, c->column, zhost);
			if (domain == DOMAIN_NONE)
				continue;
			int64_t count = counts_get(&c->counts, domain);
			sum += c->kind == COUNTER_PREFERS ? (count > 0 ? c->weight : 0)
							  : -count * c->weight;
		}
	}
	return clamp(sum, PREFERENCE_MAX);
}

static int32_t preference_spread(const struct spread_term *s, const struct spread_minimum *m,
				 uint32_t domain, uint32_t count)
{
	if (domain == DOMAIN_NONE)
		return -2 * SPREAD_WEIGHT;
	int64_t above = count > m->fewest ? (int64_t)count - m->fewest : 0;
	return clamp(-above * SPREAD_WEIGHT / s->max, PREFERENCE_MAX / 2);
}

int32_t preference_labels(const struct place *p, const struct need *n, uint32_t zhost,
			  const struct spread_minimums *m)
{
	int64_t sum = preference(p, n, zhost, true);
	for (uint32_t i = n->required_spreads; i < n->spread_count; i++) {
		const struct spread_term *s = &n->spreads[i];
		uint32_t domain = domain_of(p, s->column, zhost), count = 0;
		if (domain != DOMAIN_NONE)
			count = counts_get(&p->counters.items[s->counter].counts, domain);
		sum += preference_spread(s, &m->items[i], domain, count);
	}
	return clamp(sum, PREFERENCE_MAX);
}

uint32_t load_with(const struct place_node *node, int64_t more_cpu, int64_t more_memory)
{
	double cpu = (double)(node->cpu_free - more_cpu) * node->cpu_scale;
	double memory = (double)(node->memory_free - more_memory) * node->memory_scale;
	double left = cpu < memory ? cpu : memory;
	return left <= 0 ? LOAD_MAX : left >= LOAD_MAX ? 0 : LOAD_MAX - (uint32_t)left;
}

struct place_score score_demand(const struct place *p, const struct demand *d, uint32_t zhost)
{
	struct place_node *node = node_at(p, zhost);
	return (struct place_score){
		.fragmentation = node->device_count > 0 ? fragmentation_of(p, d, node) : 0,
		.load = load_with(node, d->cpu, d->memory),
	};
}

struct place_score score_node(const struct place *p, const struct need *n, uint32_t zhost)
{
	struct place_score s = score_demand(p, n->demand, zhost);
	s.preference = preference(p, n, zhost, false);
	if (!n->demand->pack)
		s.neighbours = counts_get(n->neighbours, zhost);
	return s;
}

struct place_score score_of(const struct place *p, const struct need *n, uint32_t zhost,
			    const struct spread_minimums *m)
{
	struct place_score s = score_node(p, n, zhost);
	s.preference += preference_labels(p, n, zhost, m);
	return s;
}

uint64_t score_key(const struct demand *d, const struct place_score *s)
{
	uint64_t prefer = (uint64_t)((int64_t)s->preference + PREFERENCE_BIAS);
	uint64_t alone = s->neighbours < NEIGHBOURS_MAX ? NEIGHBOURS_MAX - s->neighbours : 0;
	uint64_t whole =
		(uint64_t)(FRAGMENTATION_MAX - clamp(s->fragmentation, FRAGMENTATION_MAX));
	uint64_t fit = d->pack ? s->load : LOAD_MAX - s->load;
	return prefer << PREFERENCE_SHIFT | alone << NEIGHBOURS_SHIFT | whole << 14 | fit;
}

uint64_t score_prefer(uint64_t key, int32_t more)
{
	return key + ((uint64_t)(int64_t)more << PREFERENCE_SHIFT);
}
