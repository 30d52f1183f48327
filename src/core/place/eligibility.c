/*
 * Rules 1 to 6 of one unit on one zhost, fast and without reasons (judge.c gives those). What
 * only the zhost decides, what labels decide, and spread are apart, because an index keeps them
 * apart.
 */
#include "core/place/engine.h"

/* An instance that requires others of its own kind is content while it is the only one. */
bool affinity_in_advance(const struct place *p, const struct term *t,
			 enum strictness strictness)
{
	const struct group *g = &p->groups.items[t->group];
	uint32_t others_wanted = g->pending - (t->self && g->pending > 0 ? 1 : 0);
	if (strictness == OPTIMISTIC && others_wanted > 0)
		return true;
	if (g->placed > 0)
		return false;
	return t->self || (strictness == GREEDY && others_wanted > 0);
}

bool term_holds(const struct place *p, const struct term *t, uint32_t domain,
		enum strictness strictness)
{
	if (domain == DOMAIN_NONE)
		return t->kind != TERM_REQUIRE;
	uint32_t count = t->own + tally_get(&p->counters.items[t->counter].tally, domain);
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

/* Whether nobody who is placed forbids the unit there; zhost scopes or label scopes. */
static bool is_welcome(const struct place *p, const struct need *n, uint32_t zhost, bool labels)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct counter *c = &p->counters.items[g->counters.items[k]];
			if (c->kind != COUNTER_FORBIDS || (c->column != SCOPE_ZHOST) != labels)
				continue;
			uint32_t domain = domain_of(p, c->column, zhost);
			if (domain != DOMAIN_NONE && tally_get(&c->tally, domain) > 0)
				return false;
		}
	}
	return true;
}

static bool terms_hold(const struct place *p, const struct need *n, uint32_t zhost, bool labels,
		       enum strictness strictness)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct term *t = &n->terms[i];
		if ((t->column != SCOPE_ZHOST) == labels &&
		    !term_holds(p, t, domain_of(p, t->column, zhost), strictness))
			return false;
	}
	return is_welcome(p, n, zhost, labels);
}

static bool fits_amounts(const struct place *p, const struct demand *d, uint32_t zhost)
{
	const struct zhost *z = zhost_at(p, zhost);
	return d->cpu <= z->cpu_free && d->memory <= z->memory_free && zhost_available(z) &&
	       terrain_has(&p->terrains.items[d->terrain], zhost);
}

static bool fits_devices(const struct place *p, const struct demand *d, uint32_t zhost)
{
	const struct zhost *z = zhost_at(p, zhost);
	return d->ask_count == 0 || devices_fit(z->slots, z->slot_count, d, NULL);
}

bool fits_demand(const struct place *p, const struct demand *d, uint32_t zhost)
{
	return fits_amounts(p, d, zhost) && fits_devices(p, d, zhost);
}

bool fits_zhost(const struct place *p, const struct need *n, uint32_t zhost,
		enum strictness strictness)
{
	return fits_amounts(p, n->demand, zhost) &&
	       terms_hold(p, n, zhost, false, strictness) && fits_devices(p, n->demand, zhost);
}

bool fits_labels(const struct place *p, const struct need *n, uint32_t zhost,
		 enum strictness strictness)
{
	return terms_hold(p, n, zhost, true, strictness);
}

bool fits(const struct place *p, const struct need *n, uint32_t zhost,
	  enum strictness strictness)
{
	return fits_zhost(p, n, zhost, strictness) && fits_labels(p, n, zhost, strictness);
}

bool fits_but_devices(const struct place *p, const struct need *n, uint32_t zhost,
		      enum strictness strictness)
{
	return fits_amounts(p, n->demand, zhost) &&
	       terms_hold(p, n, zhost, false, strictness) &&
	       fits_labels(p, n, zhost, strictness);
}

/* ---- spread ---- */

void floor_add(struct floor *f, uint32_t domain, uint32_t count)
{
	if (domain == f->domain)
		return;
	if (count < f->fewest) {
		f->second = f->fewest;
		f->fewest = count;
		f->domain = domain;
	} else if (count < f->second) {
		f->second = count;
	}
}

void floors_reset(struct floors *floors, const struct need *n)
{
	if (n->skew_count > floors->capacity) {
		floors->items = mem_resize(floors->items, n->skew_count, sizeof(struct floor));
		floors->capacity = n->skew_count;
	}
	for (uint32_t i = 0; i < n->skew_count; i++)
		floors->items[i] = (struct floor){UINT32_MAX, DOMAIN_NONE, UINT32_MAX};
}

void floors_add(const struct place *p, const struct need *n, uint32_t zhost,
		struct floors *floors)
{
	for (uint32_t i = 0; i < n->skew_count; i++) {
		const struct skew *s = &n->skews[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain != DOMAIN_NONE)
			floor_add(&floors->items[i], domain,
				  tally_get(&p->counters.items[s->counter].tally, domain));
	}
}

void floors_measure(const struct place *p, const struct need *n,
		    const struct place_unit_request *r, enum strictness strictness,
		    struct floors *floors)
{
	floors_reset(floors, n);
	for (uint32_t z = 0; n->skew_count > 0 && z < p->zhosts.count; z++) {
		if (!is_excluded(r, z) && fits(p, n, z, strictness))
			floors_add(p, n, z, floors);
	}
}

bool fits_request(const struct place *p, const struct need *n,
		  const struct place_unit_request *r, uint32_t zhost,
		  enum strictness strictness)
{
	if (is_excluded(r, zhost) || !fits(p, n, zhost, strictness))
		return false;
	if (n->required_skews == 0)
		return true;
	struct floors floors = {0};
	floors_measure(p, n, r, strictness, &floors);
	bool holds = fits_spread(p, n, zhost, &floors);
	floors_done(&floors);
	return holds;
}

void floors_done(struct floors *floors)
{
	free(floors->items);
	*floors = (struct floors){0};
}

bool skew_holds(const struct skew *s, const struct floor *f, uint32_t domain, uint32_t count)
{
	uint64_t now = (uint64_t)count + s->count;
	uint64_t fewest = domain == f->domain ? f->second : f->fewest;
	return now <= fewest || now - fewest <= s->max;
}

bool fits_spread(const struct place *p, const struct need *n, uint32_t zhost,
		 const struct floors *floors)
{
	for (uint32_t i = 0; i < n->required_skews; i++) {
		const struct skew *s = &n->skews[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain == DOMAIN_NONE ||
		    !skew_holds(s, &floors->items[i], domain,
				tally_get(&p->counters.items[s->counter].tally, domain)))
			return false;
	}
	return true;
}
