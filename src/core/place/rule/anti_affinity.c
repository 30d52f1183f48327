/* Rule 4: required anti-affinity: no instance of the other space is placed in the same scope.
 */
#include "base/str.h"
#include "core/place/rule/rules.h"

static void compile(struct filter *f, const struct space *s)
{
	for (uint32_t i = 0; s != NULL && i < f->need->required_count; i++) {
		const struct affinity_term *t = &f->need->terms[i];
		if (t->kind != TERM_FORBID || t->space != s)
			continue;
		struct requirement *r = filter_add(f, &rule_anti_affinity);
		r->declared = t;
		r->group = t->group;
	}
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct affinity_term *t = r->declared;
	return term_holds(f->place, t, domain_of(f->place, t->column, zhost), f->strictness);
}

static char *what(const struct filter *f, const struct requirement *r)
{
	const struct affinity_term *t = r->declared;
	CLEANUP(freep) char *with = affinity_text(t->rule);
	return str_printf("anti-affinity with '%s' on %s", with,
			  scope_text(f->place, t->column));
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	const struct affinity_term *t = r->declared;
	return company_text(f->place, t->column, zhost,
			    counter_at(f->place, t->counter, zhost) + t->own);
}

static const char *label(const struct filter *f, const struct requirement *r)
{
	return label_of_scope(f->place, ((const struct affinity_term *)r->declared)->column);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	const struct affinity_term *t = r->declared;
	if (domain_of(f->place, t->column, zhost) == DOMAIN_NONE)
		return str_printf("label %s", scope_text(f->place, t->column));
	CLEANUP(freep) char *name = what(f, r);
	return str_printf("no instance that violates %s", name);
}

const struct place_rule rule_anti_affinity = {
	.number = PLACE_RULE_AFFINITY,
	.name = "anti-affinity",
	.code = FAILURE_ANTI_AFFINITY,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_MEMBERS_LEFT,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
	.label = label,
};
