/*
 * Spaces with `count: each`: what does not go with one instance on every zhost that fits. Source:
 * [change.counts.each].
 */
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"

static const struct space *root_of(const struct topology *t, const struct space *s)
{
	while (s->parent >= 0)
		s = &t->spaces[s->parent];
	return s;
}

/* Its instances on different zhosts would be for or against each other. */
static void check_terms(struct compile *c, const struct space *s, const char *field,
			const struct affinity *terms, unsigned count)
{
	const struct space *root = root_of(c->t, s);
	for (unsigned k = 0; k < count; k++) {
		const struct affinity *a = &terms[k];
		if (!a->required || a->space_index < 0 ||
		    root_of(c->t, &c->t->spaces[a->space_index]) != root)
			continue;
		finding(c, AT("spaces[%u].placement.%s[%u]", s->index, field, a->item),
			"'%s' has one instance on every zhost that fits (count: each), so none "
			"of "
			"them can depend on where others of '%s' are; remove this rule",
			root->name, a->space);
	}
}

static void check_spread(struct compile *c, const struct space *s)
{
	for (unsigned k = 0; k < s->spread_count; k++)
		if (s->spread[k].required)
			finding(c, AT("spaces[%u].placement.spread[%u]", s->index, k),
				"'%s' has one instance on every zhost that fits (count: each), "
				"so "
				"there is nothing to spread; remove this rule",
				root_of(c->t, s)->name);
}

static void check_loss(struct compile *c, const struct space *s)
{
	const Samoza__V1__Loss *in = c->in->spaces[s->index]->loss;
	if (in == NULL || in->replace_after == NULL || str_equal(in->replace_after, "never"))
		return;
	finding(c, AT("spaces[%u].loss.replace_after", s->index),
		"an instance of '%s' belongs to its zhost (count: each) and is never placed "
		"elsewhere; leave replace_after out, or say never",
		root_of(c->t, s)->name);
}

static void check_space(struct compile *c, struct space *s)
{
	if (s->each && s->parent >= 0) {
		finding(c, AT("spaces[%u].count", s->index),
			"count: each does not go with inside: '%s' is on every zhost that its "
			"parent '%s' is on; write the number of instances in each parent, or "
			"remove inside",
			s->name, c->t->spaces[s->parent].name);
		return;
	}
	if (!root_of(c->t, s)->each)
		return;
	check_terms(c, s, "affinity", s->affinity, s->affinity_count);
	check_terms(c, s, "anti_affinity", s->anti_affinity, s->anti_affinity_count);
	check_spread(c, s);
	check_loss(c, s);
	if (s->each)
		s->replace_after_ms = SPACE_REPLACE_NEVER;
}

void compile_each(struct compile *c)
{
	for (unsigned k = 0; k < c->t->space_count; k++)
		check_space(c, &c->t->spaces[k]);
}
