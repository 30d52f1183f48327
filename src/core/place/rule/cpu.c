/* Rule 6: the free cpu of a zhost covers the unit. */
#include "base/str.h"
#include "core/place/rule/rules.h"

static void compile(struct filter *f, const struct space *s)
{
	if (s == NULL)
		filter_add(f, &rule_cpu);
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	return f->need->demand->cpu <= node_at(f->place, zhost)->cpu_free;
}

static char *what(const struct filter *f, const struct requirement *r)
{
	return mem_strdup("cpu");
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	return amount_failure(ret, PLACE_MILLICORES, f->need->demand->cpu,
			      node_at(f->place, zhost)->cpu_free);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	CLEANUP(freep)
	char *amount = quantity_text(PLACE_MILLICORES,
				     f->need->demand->cpu - node_at(f->place, zhost)->cpu_free);
	return str_printf("%s cpu more", amount);
}

static double missing(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	int64_t needs = f->need->demand->cpu;
	return (double)(needs - node_at(f->place, zhost)->cpu_free) / (double)needs;
}

const struct place_rule rule_cpu = {
	.number = PLACE_RULE_CAPACITY,
	.name = "cpu",
	.code = FAILURE_CAPACITY,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_ROOM,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.sentence = capacity_sentence,
	.detail = capacity_detail,
	.smallest_change = smallest_change,
	.missing = missing,
};
