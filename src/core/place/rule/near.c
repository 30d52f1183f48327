/* Rule 3: a zhost is within a distance of a point. */
#include "base/str.h"
#include "core/place/rule/rules.h"
#include "model/quantity.h"

static void compile(struct filter *f, const struct space *s)
{
	if (s != NULL && s->near.set)
		filter_add(f, &rule_near)->declared = &s->near;
}

static double distance_of(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct near_rule *near = r->declared;
	const struct node_description *d = node_at(f->place, zhost)->description;
	return distance_m(d->latitude, d->longitude, near->latitude, near->longitude);
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct near_rule *near = r->declared;
	return node_at(f->place, zhost)->has_position &&
	       distance_of(f, r, zhost) <= near->within_m;
}

static char *what(const struct filter *f, const struct requirement *r)
{
	const struct near_rule *near = r->declared;
	CLEANUP(freep) char *within = distance_format((uint64_t)near->within_m);
	return str_printf("constraint 'near %.6g, %.6g within %s'", near->latitude,
			  near->longitude, within);
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	if (!node_at(f->place, zhost)->has_position)
		return mem_strdup("position unknown");
	double km = distance_of(f, r, zhost) / 1000;
	return km < 10 ? str_printf("%.1f km away", km) : str_printf("%.0f km away", km);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	CLEANUP(freep) char *name = what(f, r);
	return str_printf("a position that satisfies %s", name);
}

static char *key(const struct requirement *r)
{
	const struct near_rule *near = r->declared;
	return str_printf("n%.17g\x1f%.17g\x1f%.17g", near->latitude, near->longitude,
			  near->within_m);
}

const struct place_rule rule_near = {
	.number = PLACE_RULE_SPATIAL,
	.name = "near",
	.code = FAILURE_DISTANCE,
	.decision = RULE_BY_DESCRIPTION,
	.wakes_on = WAKE_DESCRIPTION,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
	.key = key,
};
