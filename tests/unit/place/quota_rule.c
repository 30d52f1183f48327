#include "quota_rule.h"

#include <stdlib.h>

#include "base/str.h"

static const char *quota_of(const struct place *p, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	return node->known ? label_set_find(&node->description->labels, "quota") : NULL;
}

static void compile(struct filter *f, const struct space *s)
{
	if (s == NULL)
		filter_add(f, &rule_quota)->group = f->need->members[0].group;
}

static unsigned long used(const struct filter *f, uint32_t group)
{
	unsigned long count = 0;
	for (uint32_t zhost = 0; zhost < f->place->nodes.count; zhost++) {
		if (quota_of(f->place, zhost) == NULL)
			continue;
		for_each_unit_on (f->place, node_at(f->place, zhost), u)
			count += u->need->members[0].group == group;
	}
	return count;
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const char *quota = quota_of(f->place, zhost);
	return quota == NULL || used(f, r->group) < strtoul(quota, NULL, 10);
}

static char *what(const struct filter *f, const struct requirement *r)
{
	return mem_strdup("quota");
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	return str_printf("%s in use", quota_of(f->place, zhost));
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	return mem_strdup("a larger quota");
}

struct place_rule rule_quota = {
	.number = (enum place_rule_number)7,
	.name = "quota",
	.code = FAILURE_CAPACITY,
	.decision = RULE_BY_LOOKING,
	.wakes_on = WAKE_MEMBERS_LEFT,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
};
