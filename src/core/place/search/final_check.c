#include "core/place/search/final_check.h"

#include "core/place/choose/eligibility.h"
#include "core/place/state/units.h"
#include "core/place/state/view.h"

/* Whether a rule of the need can be broken by units that are placed later. */
static bool depends_on_others(const struct need *n)
{
	for (uint32_t i = 0; i < n->required_count; i++) {
		if (n->terms[i].kind == TERM_REQUIRE)
			return true;
	}
	return n->looking != NULL;
}

/* As if every feasible zhost passed the other rules too: fewer domains do, so a unit that is
 * balanced against these is balanced. With all units counted, for is_balanced(). */
static void measure_feasible(const struct place *p, const struct need *n,
			     struct spread_minimums *m)
{
	minimums_reset(m, n);
	for (uint32_t i = 0; i < n->required_spreads; i++) {
		const struct spread_term *s = &n->spreads[i];
		const struct domain_counts *counts = &p->counters.items[s->counter].counts;
		for (uint32_t zhost = 0; zhost < p->nodes.count; zhost++) {
			uint32_t domain = domain_of(p, s->column, zhost);
			if (domain != DOMAIN_NONE && node_available(node_at(p, zhost)) &&
			    feasible_has(&p->feasible_sets.items[n->demand->feasible], zhost))
				minimum_add(&m->items[i], domain, counts_get(counts, domain));
		}
	}
}

static bool is_balanced(const struct place *p, const struct need *n, uint32_t zhost,
			const struct spread_minimums *minimums)
{
	for (uint32_t i = 0; i < n->required_spreads; i++) {
		const struct spread_term *s = &n->spreads[i];
		uint32_t domain = domain_of(p, s->column, zhost);
		if (domain == DOMAIN_NONE)
			return false;
		uint64_t count = counts_get(&p->counters.items[s->counter].counts, domain);
		const struct spread_minimum *m = &minimums->items[i];
		if (count > (uint64_t)(domain == m->domain ? m->second : m->fewest) + s->max)
			return false;
	}
	return true;
}

static bool unit_holds(struct unit_search *s, const struct unit_kind *k, struct place_unit *u,
		       struct spread_minimums *m)
{
	struct place *p = s->place;
	uint32_t zhost = u->zhost;
	struct view view;
	unit_detach(p, u);
	view_open(&view, p, k->request);
	bool holds = fits_company(p, k->need, zhost, STRICT);
	if (holds && k->need->required_spreads > 0) {
		minimums_measure(p, k->need, k->request, STRICT, m);
		s->steps += p->nodes.count;
		holds = fits_spread(p, k->need, zhost, m);
	}
	view_close(&view);
	unit_attach(p, u, zhost, true);
	return holds;
}

/* Capacity and anti-affinity held when each unit came, and later units were checked against
 * those before them. What remains: affinity that held in advance, spread, and rules by looking.
 */
bool search_holds(struct unit_search *s, struct unit_kind **ret_kind,
		  struct place_unit **ret_unit)
{
	struct spread_minimums minimums = {0}, feasible = {0};
	bool holds = true;
	/* A unit alone relied on no other. */
	if (s->unit_count == 1)
		return true;
	for (uint32_t k = 0; k < s->kind_count && holds; k++) {
		struct unit_kind *kind = &s->kinds[k];
		bool depends = depends_on_others(kind->need);
		if (!depends && kind->need->required_spreads == 0)
			continue;
		/* Its slot mates must not count: that takes a closer look. */
		bool closely = depends || has_slot_mates(kind->units[0]);
		if (!closely)
			measure_feasible(s->place, kind->need, &feasible);
		for (uint32_t i = 0; i < kind->placed && holds; i++) {
			if (!closely &&
			    is_balanced(s->place, kind->need, kind->units[i]->zhost, &feasible))
				continue;
			holds = unit_holds(s, kind, kind->units[i], &minimums);
			if (!holds) {
				*ret_kind = kind;
				*ret_unit = kind->units[i];
			}
		}
	}
	minimums_done(&minimums);
	minimums_done(&feasible);
	return holds;
}
