/*
 * Which of the eligible zhosts is best. Four things count, each only where those before it are
 * equal:
 *
 *   1. preference     sum of the weights of preferred affinity, anti-affinity and spread, those
 * of the unit and those of others for it
 *   2. neighbours     strategy spread: units of the same topology there, fewer first
 *   3. fragmentation  how much less useful free devices become
 *   4. load           of cpu or memory, the fuller, afterwards: lower for spread, higher for
 * pack
 *
 * and then the name. They are packed into one number, so that comparing is one instruction:
 *
 *   63       42 41        30 29           14 13       0
 *   preference   neighbours   fragmentation   load
 */
#include "core/place/engine.h"

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

/* Own preferences and those of others who are placed, in zhost scopes or label scopes. */
static int32_t preference(const struct place *p, const struct need *n, uint32_t zhost,
			  bool labels)
{
	int64_t sum = 0;
	for (uint32_t i = n->required_count; i < n->term_count; i++) {
		const struct term *t = &n->terms[i];
		if ((t->column != SCOPE_ZHOST) != labels)
			continue;
		uint32_t domain = domain_of(p, t->column, zhost);
		if (domain == DOMAIN_NONE)
			continue;
		int64_t count = tally_get(&p->counters.items[t->counter].tally, domain);
		sum += t->kind == TERM_PREFER ? (count > 0 ? t->weight : 0)
					      : -count * t->weight;
	}
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct counter *c = &p->counters.items[g->counters.items[k]];
			if (c->weight == 0 || (c->column != SCOPE_ZHOST) != labels)
				continue;
			uint32_t domain = domain_of(p, c->column, zhost);
			if (domain == DOMAIN_NONE)
				continue;
			int64_t count = tally_get(&c->tally, domain);
			sum += c->kind == COUNTER_PREFERS ? (count > 0 ? c->weight : 0)
							  : -count * c->weight;
		}
	}
	return clamp(sum, PREFERENCE_MAX);
}

static int32_t preference_skew(const struct skew *s, const struct floor *f, uint32_t domain,
			       uint32_t count)
{
	if (domain == DOMAIN_NONE)
		return -2 * SPREAD_WEIGHT;
	int64_t above = count > f->fewest ? (int64_t)count - f->fewest : 0;
	return clamp(-above * SPREAD_WEIGHT / s->max, PREFERENCE_MAX / 2);
}

int32_t preference_labels(const struct place *p, const struct need *n, uint32_t zhost,
			  const struct floors *floors)
{
	int64_t sum = preference(p, n, zhost, true);
	for (uint32_t i = n->required_skews; i < n->skew_count; i++) {
		const struct skew *s = &n->skews[i];
		uint32_t domain = domain_of(p, s->column, zhost), count = 0;
		if (domain != DOMAIN_NONE)
			count = tally_get(&p->counters.items[s->counter].tally, domain);
		sum += preference_skew(s, &floors->items[i], domain, count);
	}
	return clamp(sum, PREFERENCE_MAX);
}

static uint32_t load_of(const struct demand *d, const struct zhost *z)
{
	double cpu = (double)(z->cpu_free - d->cpu) * z->cpu_scale;
	double memory = (double)(z->memory_free - d->memory) * z->memory_scale;
	double left = cpu < memory ? cpu : memory;
	return left <= 0 ? LOAD_MAX : left >= LOAD_MAX ? 0 : LOAD_MAX - (uint32_t)left;
}

struct place_score score_demand(const struct place *p, const struct demand *d, uint32_t zhost)
{
	struct zhost *z = zhost_at(p, zhost);
	return (struct place_score){
		.fragmentation = z->slot_count > 0 ? fragmentation_of(p, d, z) : 0,
		.load = load_of(d, z),
	};
}

struct place_score score_zhost(const struct place *p, const struct need *n, uint32_t zhost)
{
	struct place_score s = score_demand(p, n->demand, zhost);
	s.preference = preference(p, n, zhost, false);
	if (!n->demand->pack)
		s.neighbours = tally_get(n->neighbours, zhost);
	return s;
}

struct place_score score_of(const struct place *p, const struct need *n, uint32_t zhost,
			    const struct floors *floors)
{
	struct place_score s = score_zhost(p, n, zhost);
	s.preference += preference_labels(p, n, zhost, floors);
	return s;
}

uint64_t score_key(const struct demand *d, const struct place_score *s)
{
	uint64_t prefer = (uint64_t)(s->preference + PREFERENCE_BIAS);
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
