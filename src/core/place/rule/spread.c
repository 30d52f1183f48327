/* Rule 5: required spread: in no domain are more than `max_skew` instances above the fewest. */
#include "base/str.h"
#include "core/place/rule/rules.h"
#include "core/place/state/labels.h"

/* requirement.number: index in need->spreads. */

static void compile(struct filter *f, const struct space *s)
{
	for (uint32_t i = 0; s != NULL && i < f->need->required_spreads; i++) {
		if (f->need->spreads[i].space == s)
			filter_add(f, &rule_spread)->number = i;
	}
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct spread_term *s = &f->need->spreads[r->number];
	uint32_t domain = domain_of(f->place, s->column, zhost);
	return domain != DOMAIN_NONE && spread_holds(s, &f->minimums.items[r->number], domain,
						     counter_at(f->place, s->counter, zhost));
}

static char *what(const struct filter *f, const struct requirement *r)
{
	const struct spread_term *s = &f->need->spreads[r->number];
	return str_printf("spread over %s with max_skew %u", scope_text(f->place, s->column),
			  s->max);
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	const struct place *p = f->place;
	const struct spread_term *s = &f->need->spreads[r->number];
	const struct spread_minimum *m = &f->minimums.items[r->number];
	uint32_t domain = domain_of(p, s->column, zhost);
	if (domain == DOMAIN_NONE)
		return str_printf("no label %s", scope_text(p, s->column));
	return str_printf(
		"would be %u in %s, %u elsewhere", counter_at(p, s->counter, zhost) + s->count,
		domain_text(p, s->column, domain), domain == m->domain ? m->second : m->fewest);
}

static const char *label(const struct filter *f, const struct requirement *r)
{
	return label_of_scope(f->place, f->need->spreads[r->number].column);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	uint32_t column = f->need->spreads[r->number].column;
	if (domain_of(f->place, column, zhost) == DOMAIN_NONE)
		return str_printf("label %s", scope_text(f->place, column));
	CLEANUP(freep) char *name = what(f, r);
	return str_printf("room elsewhere for %s", name);
}

const struct place_rule rule_spread = {
	.number = PLACE_RULE_SPREAD,
	.name = "spread",
	.code = FAILURE_SPREAD,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_ANY_MOVE,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
	.label = label,
};
