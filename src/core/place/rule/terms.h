/* Affinity and anti-affinity of a need, read from counters: one look-up for each term. Inline,
 * since a decision evaluates hundreds. */
#ifndef SAMOZA_CORE_PLACE_RULE_TERMS_H
#define SAMOZA_CORE_PLACE_RULE_TERMS_H

#include "core/place/state/state.h"

/* Whether a required affinity holds though no instance of the other space is in the domain.
 * With its own space an instance is satisfied as the only one. */
static inline bool affinity_in_advance(const struct place *p, const struct affinity_term *t,
				       enum strictness strictness)
{
	const struct affinity_group *g = &p->groups.items[t->group];
	uint32_t others_requested = g->pending - (t->self && g->pending > 0 ? 1 : 0);
	if (strictness == OPTIMISTIC && others_requested > 0)
		return true;
	if (g->placed > 0)
		return false;
	return t->self || (strictness == GREEDY && others_requested > 0);
}

/* Whether the term holds in a domain of its scope. */
static inline bool term_holds(const struct place *p, const struct affinity_term *t,
			      uint32_t domain, enum strictness strictness)
{
	if (domain == DOMAIN_NONE)
		return t->kind != TERM_REQUIRE;
	uint32_t count = t->own + counts_get(&p->counters.items[t->counter].counts, domain);
	switch (t->kind) {
	case TERM_REQUIRE:
		return count > 0 || affinity_in_advance(p, t, strictness);
	case TERM_FORBID:
		return count == 0;
	case TERM_PREFER:
	case TERM_AVOID:
		break;
	}
	return true;
}

/* What the counter counts in the domain of a zhost. */
static inline uint32_t counter_at(const struct place *p, uint32_t counter, uint32_t zhost)
{
	const struct group_counter *c = &p->counters.items[counter];
	uint32_t domain = domain_of(p, c->column, zhost);
	return domain == DOMAIN_NONE ? 0 : counts_get(&c->counts, domain);
}

#endif
