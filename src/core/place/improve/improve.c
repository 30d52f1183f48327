#include "core/place/improve/improve.h"

#include "core/place/choose/eligibility.h"
#include "core/place/choose/index.h"
#include "core/place/choose/score.h"
#include "core/place/state/units.h"
#include "core/place/state/view.h"

uint32_t least_load(const struct place *p)
{
	uint32_t least = UINT32_MAX;
	vector_for_each (&p->nodes, node) {
		uint32_t load = node_available(node) ? load_with(node, 0, 0) : UINT32_MAX;
		least = load < least ? load : least;
	}
	return least;
}

/* ---- what may be left out ---- */

/* Others prefer its company, or avoid it. */
static bool is_minded(const struct place *p, const struct need *n)
{
	for (uint32_t i = 0; i < n->member_count; i++) {
		const struct affinity_group *g = &p->groups.items[n->members[i].group];
		vector_for_each (&g->counters, c)
			if (p->counters.items[*c].weight != 0)
				return true;
	}
	return false;
}

/* Nothing but neighbours and load could be better elsewhere. */
static bool is_indifferent(const struct place *p, const struct need *n)
{
	return n->term_count == n->required_count && n->spread_count == n->required_spreads &&
	       !is_minded(p, n);
}

/* No zhost can be better in any part. PRE: it is detached from `here`. */
static bool is_best_off(const struct place *p, const struct need *n, uint32_t here,
			uint32_t least)
{
	const struct demand *d = n->demand;
	if (!is_indifferent(p, n))
		return false;
	if (d->pack)
		return true;
	return counts_get(n->neighbours, here) == 0 &&
	       load_with(node_at(p, here), d->cpu, d->memory) <
		       (uint64_t)least + PLACE_LOAD_GAP;
}

/* ---- compared ---- */

static int64_t square(uint32_t load)
{
	return (int64_t)load * load;
}

static int64_t balance_gain(const struct place *p, const struct demand *d, uint32_t here,
			    uint32_t there)
{
	const struct place_node *from = node_at(p, here), *to = node_at(p, there);
	return square(load_with(from, d->cpu, d->memory)) + square(load_with(to, 0, 0)) -
	       square(load_with(from, 0, 0)) - square(load_with(to, d->cpu, d->memory));
}

/* PRE: detached. */
static struct place_gain gain_of(const struct place *p, const struct need *n, uint32_t here,
				 uint32_t there, const struct spread_minimums *m)
{
	const struct place_score from = score_of(p, n, here, m), to = score_of(p, n, there, m);
	return (struct place_gain){
		.preference = to.preference - from.preference,
		.neighbours =
			n->demand->pack ? 0 : (int32_t)from.neighbours - (int32_t)to.neighbours,
		.balance = n->demand->pack ? 0 : balance_gain(p, n->demand, here, there),
		.load_from = from.load,
		.load_to = to.load,
	};
}

static bool is_worth_it(const struct place_gain *g)
{
	if (g->rules)
		return true;
	if (g->preference != 0)
		return g->preference > 0;
	if (g->neighbours != 0)
		return g->neighbours > 0;
	return g->balance > 0 && g->load_from >= g->load_to + PLACE_LOAD_GAP;
}

static int compare(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

int gain_compare(const struct place_gain *a, const struct place_gain *b)
{
	if (a->rules != b->rules)
		return a->rules ? 1 : -1;
	if (a->preference != b->preference)
		return compare(a->preference, b->preference);
	return a->neighbours != b->neighbours ? compare(a->neighbours, b->neighbours)
					      : compare(a->balance, b->balance);
}

/* ---- what others require of it ---- */

static bool is_member(const struct need *n, uint32_t group)
{
	for (uint32_t i = 0; i < n->member_count; i++)
		if (n->members[i].group == group)
			return true;
	return false;
}

/* A unit of that need on `zhost`, which is in the same domain as `here`, requires one of the groups of `n` there, and
 * there is no other instance of it. */
static bool is_left_alone(const struct place *p, const struct need *left, const struct need *n,
			  uint32_t zhost, uint32_t here, uint32_t there)
{
	for (uint32_t i = 0; i < left->required_count; i++) {
		const struct affinity_term *t = &left->terms[i];
		/* Its own instances are counted, too. */
		uint32_t itself = t->self ? 1 : 0;
		if (t->kind != TERM_REQUIRE || t->own > 0 || !is_member(n, t->group))
			continue;
		uint32_t domain = domain_of(p, t->column, zhost);
		if (domain != DOMAIN_NONE && domain == domain_of(p, t->column, here) &&
		    domain != domain_of(p, t->column, there) &&
		    counts_get(&p->counters.items[t->counter].counts, domain) <= itself)
			return true;
	}
	return false;
}

/* Others that are placed require its company where it is, and it is the last there. PRE: it is detached. */
static bool is_needed(const struct place *p, const struct need *n, uint32_t here,
		      uint32_t there)
{
	bool is_required = false;
	for (uint32_t i = 0; i < n->member_count; i++)
		is_required =
			is_required || p->groups.items[n->members[i].group].required_by > 0;
	for (uint32_t zhost = 0; is_required && zhost < p->nodes.count; zhost++)
		for_each_unit_on (p, node_at(p, zhost), u)
			if (!u->leaves && is_left_alone(p, u->need, n, zhost, here, there))
				return true;
	return false;
}

/* PRE: detached, and seen in its view. */
static uint32_t improve(struct place *p, struct need *n, const struct place_unit_request *r,
			uint32_t here, struct spread_minimums *m, struct place_gain *ret_gain)
{
	bool holds = fits_where_it_is(p, n, here);
	uint32_t there = index_best(p, n, r);
	if (there == PLACE_NONE || there == here)
		return PLACE_NONE;
	minimums_measure(p, n, r, GREEDY, m);
	struct place_gain gain = gain_of(p, n, here, there, m);
	gain.rules = !holds;
	if (!is_worth_it(&gain) || is_needed(p, n, here, there))
		return PLACE_NONE;
	*ret_gain = gain;
	return there;
}

uint32_t improve_unit(struct place *p, const struct place_unit_request *r, uint32_t least,
		      struct spread_minimums *scratch, struct place_gain *ret_gain)
{
	struct place_unit *u = unit_checked(p, r->unit);
	uint32_t here = u->zhost, there = PLACE_NONE;
	struct need *n = u->need;
	struct view view;
	PRE(here != PLACE_NONE);
	unit_detach(p, u);
	view_open(&view, p, r);
	if (!is_best_off(p, n, here, least) || !fits_where_it_is(p, n, here))
		there = improve(p, n, r, here, scratch, ret_gain);
	view_close(&view);
	unit_attach(p, u, here, true);
	return there;
}
