#include "core/place/choose/eligibility.h"

#include "core/place/rule/filter.h"
#include "core/place/rule/terms.h"
#include "core/place/state/devices.h"

/* Whether no placed instance keeps away from the unit there; zhost scopes or label scopes. */
static bool is_welcome(const struct place *p, const struct need *n, uint32_t zhost, bool labels)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct affinity_group *g = &p->groups.items[n->members[i].group];
		for (size_t k = 0; k < g->counters.count; k++) {
			const struct group_counter *c =
				&p->counters.items[g->counters.items[k]];
			if (c->kind != COUNTER_FORBIDS || (c->column != SCOPE_ZHOST) != labels)
				continue;
			uint32_t domain = domain_of(p, c->column, zhost);
			if (domain != DOMAIN_NONE && counts_get(&c->counts, domain) > 0)
				return false;
		}
	}
	return true;
}

static bool terms_hold(const struct place *p, const struct need *n, uint32_t zhost, bool labels,
		       enum strictness strictness)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		const struct affinity_term *t = &n->terms[i];
		if ((t->column != SCOPE_ZHOST) == labels &&
		    !term_holds(p, t, domain_of(p, t->column, zhost), strictness))
			return false;
	}
	return is_welcome(p, n, zhost, labels);
}

static bool passes_looking(const struct need *n, uint32_t zhost, enum strictness strictness)
{
	if (n->looking == NULL)
		return true;
	n->looking->strictness = strictness;
	vector_for_each (&n->looking->requirements, r) {
		if (!requirement_holds(n->looking, r, zhost))
			return false;
	}
	return true;
}

static bool fits_amounts(const struct place *p, const struct demand *d, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	return d->cpu <= node->cpu_free && d->memory <= node->memory_free &&
	       node_available(node) &&
	       feasible_has(&p->feasible_sets.items[d->feasible], zhost);
}

static bool fits_devices(const struct place *p, const struct demand *d, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	return d->request_count == 0 || devices_fit(node->devices, node->device_count, d, NULL);
}

bool fits_demand(const struct place *p, const struct demand *d, uint32_t zhost)
{
	return fits_amounts(p, d, zhost) && fits_devices(p, d, zhost);
}

bool fits_node(const struct place *p, const struct need *n, uint32_t zhost,
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
	return fits_node(p, n, zhost, strictness) && fits_labels(p, n, zhost, strictness) &&
	       passes_looking(n, zhost, strictness);
}

enum place_company company_of(const struct place *p, const struct need *n)
{
	enum place_company found = n->looking != NULL ? COMPANY_AROUND : COMPANY_NONE;
	for (uint32_t i = 0; i < n->required_count && found < COMPANY_AROUND; i++)
		found = n->terms[i].column == SCOPE_ZHOST ? COMPANY_BESIDE : COMPANY_AROUND;
	for (uint32_t i = 0; i < n->member_count; i++)
		vector_for_each (&p->groups.items[n->members[i].group].counters, counter) {
			const struct group_counter *c = &p->counters.items[*counter];
			if (c->kind != COUNTER_FORBIDS || found == COMPANY_AROUND)
				continue;
			found = c->column == SCOPE_ZHOST ? COMPANY_BESIDE : COMPANY_AROUND;
		}
	return found;
}

bool fits_company(const struct place *p, const struct need *n, uint32_t zhost,
		  enum strictness strictness)
{
	return terms_hold(p, n, zhost, false, strictness) &&
	       terms_hold(p, n, zhost, true, strictness) &&
	       passes_looking(n, zhost, strictness);
}

bool fits_but_devices(const struct place *p, const struct need *n, uint32_t zhost,
		      enum strictness strictness)
{
	return fits_amounts(p, n->demand, zhost) && fits_company(p, n, zhost, strictness);
}

void minimums_measure(const struct place *p, const struct need *n,
		      const struct place_unit_request *r, enum strictness strictness,
		      struct spread_minimums *m)
{
	minimums_reset(m, n);
	for (uint32_t zhost = 0; n->spread_count > 0 && zhost < p->nodes.count; zhost++) {
		if (!is_excluded(r, zhost) && fits(p, n, zhost, strictness))
			minimums_add(p, n, zhost, m);
	}
}

bool fits_request(const struct place *p, const struct need *n,
		  const struct place_unit_request *r, uint32_t zhost,
		  enum strictness strictness)
{
	if (is_excluded(r, zhost) || !fits(p, n, zhost, strictness))
		return false;
	if (n->required_spreads == 0)
		return true;
	struct spread_minimums m = {0};
	minimums_measure(p, n, r, strictness, &m);
	bool holds = fits_spread(p, n, zhost, &m);
	minimums_done(&m);
	return holds;
}

bool fits_where_it_is(struct place *p, const struct need *n, uint32_t zhost)
{
	const struct place_unit_request r = {.unit = PLACE_NONE};
	struct place_node *node = node_at(p, zhost);
	bool alive = node->alive, cordoned = node->cordoned;
	node->alive = true;
	node->cordoned = false;
	bool fits = fits_request(p, n, &r, zhost, STRICT);
	node->alive = alive;
	node->cordoned = cordoned;
	return fits;
}
