/*
 * Declarations that no cluster could ever satisfy [topology.placement.impossible], each with
 * the conflicting pair named:
 *
 * - required affinity and required anti-affinity with the same space on the same scope,
 *   whichever of the two spaces declares it (anti-affinity binds both sides);
 * - required anti-affinity on `zhost` between instances that share a root instance, and so
 *   always live on one zhost;
 * - constraints of a space, and of those that it is inside of, that exclude each other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"

/* ---- Affinity against anti-affinity ---- */

/* One required (anti-)affinity. Within the topology a <= b, so that both directions meet. */
struct pair {
	unsigned a;
	int b;		      /* -1: a space of another topology */
	const char *topology; /* of b, "" for this one */
	const char *space;    /* of b when it is of another topology, otherwise "" */
	const char *scope;
	bool anti;
	unsigned declared_by; /* space */
	unsigned item;	      /* in its list */
};

static int compare_keys(const struct pair *x, const struct pair *y)
{
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	int order = strcmp(x->topology, y->topology);
	if (order == 0)
		order = strcmp(x->space, y->space);
	return order != 0 ? order : strcmp(x->scope, y->scope);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = compare_keys(x, y);

	if (order != 0)
		return order;
	if (x->anti != y->anti)
		return x->anti ? 1 : -1; /* affinity first */
	if (x->declared_by != y->declared_by)
		return x->declared_by < y->declared_by ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static void add_pairs(struct pair *pairs, size_t *count, const struct space *s,
		      const struct affinity *list, unsigned list_count, bool anti)
{
	for (unsigned i = 0; i < list_count; i++) {
		const struct affinity *affinity = &list[i];
		struct pair *p;

		if (!affinity->required)
			continue;
		p = &pairs[(*count)++];
		*p = (struct pair){.a = s->index,
				   .b = affinity->space_index,
				   .topology = "",
				   .space = "",
				   .scope = affinity->scope,
				   .anti = anti,
				   .declared_by = s->index,
				   .item = affinity->item};
		if (affinity->topology != NULL) {
			p->topology = affinity->topology;
			p->space = affinity->space;
		} else if ((unsigned)p->b < p->a) {
			p->a = (unsigned)p->b;
			p->b = (int)s->index;
		}
	}
}

static char *other_text(const struct topology *t, const struct pair *p)
{
	if (p->b < 0)
		return str_printf("%s/%s", p->topology, p->space);
	if (p->a == (unsigned)p->b)
		return mem_strdup("self");
	return mem_strdup(t->spaces[p->declared_by == p->a ? (unsigned)p->b : p->a].name);
}

static void report_pair(struct compile *c, const struct pair *with, const struct pair *against)
{
	const struct topology *t = c->t;
	char *other = other_text(t, with), *against_other = other_text(t, against);

	if (with->declared_by == against->declared_by)
		finding(c,
			AT("spaces[%u].placement.anti_affinity[%u]", against->declared_by,
			   against->item),
			"'%s' requires both affinity and anti-affinity with '%s' on %s",
			t->spaces[with->declared_by].name, other, with->scope);
	else
		finding(c,
			AT("spaces[%u].placement.anti_affinity[%u]", against->declared_by,
			   against->item),
			"'%s' requires anti-affinity with '%s' on %s, but '%s' requires "
			"affinity "
			"with '%s' there",
			t->spaces[against->declared_by].name, against_other, against->scope,
			t->spaces[with->declared_by].name, other);
	free(other);
	free(against_other);
}

/* ---- Anti-affinity within one tree ---- */

static unsigned root_of(const struct topology *t, unsigned space)
{
	while (t->spaces[space].parent >= 0)
		space = (unsigned)t->spaces[space].parent;
	return space;
}

/* Whether a root instance holds more than one instance of the space. */
static bool several_in_one_root(const struct topology *t, unsigned space)
{
	for (; t->spaces[space].parent >= 0; space = (unsigned)t->spaces[space].parent) {
		if (t->spaces[space].count > 1)
			return true;
	}
	return false;
}

static void check_one_tree(struct compile *c, const struct pair *p)
{
	const struct topology *t = c->t;
	struct place place =
		AT("spaces[%u].placement.anti_affinity[%u]", p->declared_by, p->item);

	if (!p->anti || p->b < 0 || strcmp(p->scope, "zhost") != 0)
		return;
	if (p->a == (unsigned)p->b) {
		if (several_in_one_root(t, p->a))
			finding(c, place,
				"'%s' requires anti-affinity with itself on zhost, but several "
				"of "
				"its instances are inside one '%s', and therefore on one zhost",
				t->spaces[p->a].name, t->spaces[root_of(t, p->a)].name);
	} else if (root_of(t, p->a) == root_of(t, (unsigned)p->b)) {
		unsigned other = p->declared_by == p->a ? (unsigned)p->b : p->a;
		finding(c, place,
			"'%s' requires anti-affinity with '%s' on zhost, but both are '%s' or "
			"inside it, and therefore always on one zhost",
			t->spaces[p->declared_by].name, t->spaces[other].name,
			t->spaces[root_of(t, p->a)].name);
	}
}

static void check_affinities(struct compile *c)
{
	const struct topology *t = c->t;
	size_t count = 0, all = 0;

	for (unsigned i = 0; i < t->space_count; i++)
		all += t->spaces[i].affinity_count + t->spaces[i].anti_affinity_count;
	if (all == 0)
		return;
	struct pair *pairs = mem_new_array(struct pair, all);
	for (unsigned i = 0; i < t->space_count; i++) {
		const struct space *s = &t->spaces[i];
		add_pairs(pairs, &count, s, s->affinity, s->affinity_count, false);
		add_pairs(pairs, &count, s, s->anti_affinity, s->anti_affinity_count, true);
	}
	qsort(pairs, count, sizeof(pairs[0]), compare_pairs);
	for (size_t i = 0, start = 0; i < count; i++) {
		if (i > 0 && compare_keys(&pairs[i], &pairs[i - 1]) != 0)
			start = i;
		check_one_tree(c, &pairs[i]);
		if (pairs[i].anti && !pairs[start].anti)
			report_pair(c, &pairs[start], &pairs[i]);
	}
	free(pairs);
}

/* ---- Constraints ---- */

struct label_rule {
	const struct constraint *constraint;
	unsigned space;
	unsigned order; /* of declaration within the space */
};

static int compare_rules(const void *a, const void *b)
{
	const struct label_rule *x = a, *y = b;
	int order = strcmp(x->constraint->label, y->constraint->label);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Where it stands in the file: the shorthands come first in the compiled list. */
static struct place place_of_rule(const struct compile *c, const struct label_rule *rule)
{
	const Samoza__V1__Placement *in = c->in->spaces[rule->space]->placement;
	unsigned has_region = !str_is_empty(in->region), has_kind = !str_is_empty(in->kind);

	if (rule->order < has_region)
		return AT("spaces[%u].placement.region", rule->space);
	if (rule->order < has_region + has_kind)
		return AT("spaces[%u].placement.kind", rule->space);
	return AT("spaces[%u].placement.constraints[%u]", rule->space,
		  rule->order - has_region - has_kind);
}

static void report_rules(struct compile *c, unsigned space, const struct label_rule *x,
			 const struct label_rule *y)
{
	const struct topology *t = c->t;
	struct place place = place_of_rule(c, y->space == space ? y : x);

	if (x->space == y->space)
		finding(c, place, "constraints '%s' and '%s' of '%s' exclude each other",
			x->constraint->text, y->constraint->text, t->spaces[space].name);
	else
		finding(c, place,
			"constraint '%s' of '%s' and '%s' of '%s' exclude each other, and "
			"both are always on one zhost",
			x->constraint->text, t->spaces[x->space].name, y->constraint->text,
			t->spaces[y->space].name);
}

/* `rules`: all constraints on one label that one zhost must fulfil. Reports the first pair
 * that together leave no value. */
static void check_label(struct compile *c, unsigned space, const struct label_rule *rules,
			size_t count)
{
	const struct label_rule *positive = NULL, *above = NULL, *below = NULL;

	for (size_t i = 0; i < count; i++) {
		enum constraint_op op = rules[i].constraint->op;
		if ((op == CONSTRAINT_EQ || op == CONSTRAINT_IN) &&
		    (positive == NULL ||
		     rules[i].constraint->value_count < positive->constraint->value_count))
			positive = &rules[i];
		if (op == CONSTRAINT_GT &&
		    (above == NULL || rules[i].constraint->number > above->constraint->number))
			above = &rules[i];
		if (op == CONSTRAINT_LT &&
		    (below == NULL || rules[i].constraint->number < below->constraint->number))
			below = &rules[i];
	}
	if (above != NULL && below != NULL &&
	    above->constraint->number >= below->constraint->number) {
		report_rules(c, space, above, below);
		return;
	}
	if (positive == NULL)
		return;
	/* The values that the narrowest list leaves, rule by rule. */
	unsigned left = positive->constraint->value_count;
	bool *out = mem_new_array(bool, left + 1);
	for (size_t i = 0; i < count && left > 0; i++) {
		for (unsigned k = 0; k < positive->constraint->value_count; k++) {
			if (!out[k] &&
			    !constraint_holds_value(rules[i].constraint,
						    positive->constraint->values[k])) {
				out[k] = true;
				left--;
			}
		}
		if (left == 0)
			report_rules(c, space, positive, &rules[i]);
	}
	free(out);
}

/* Appends the rules on `label` of one space. Those are sorted: found by bisection. */
static void collect_label(const struct topology *t, const struct label_rule *rules,
			  unsigned space, const char *label, struct label_rule *to,
			  size_t *count)
{
	unsigned low = 0, high = t->spaces[space].constraint_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (strcmp(rules[middle].constraint->label, label) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < t->spaces[space].constraint_count &&
	       strcmp(rules[low].constraint->label, label) == 0;
	     low++)
		to[(*count)++] = rules[low];
}

static void check_space_constraints(struct compile *c, struct label_rule *const *rules,
				    unsigned space)
{
	const struct topology *t = c->t;
	const struct space *s = &t->spaces[space];
	size_t most = 0;

	for (int i = (int)space; i >= 0; i = t->spaces[i].parent)
		most += t->spaces[i].constraint_count;
	struct label_rule *group = mem_new_array(struct label_rule, most + 1);
	for (unsigned i = 0; i < s->constraint_count; i++) {
		const char *label = rules[space][i].constraint->label;
		size_t count = 0;

		if (i > 0 && strcmp(rules[space][i - 1].constraint->label, label) == 0)
			continue;
		for (int k = (int)space; k >= 0; k = t->spaces[k].parent)
			collect_label(t, rules[k], (unsigned)k, label, group, &count);
		if (count > 1)
			check_label(c, space, group, count);
	}
	free(group);
}

static void check_constraints(struct compile *c)
{
	const struct topology *t = c->t;
	struct label_rule **rules = mem_new_array(struct label_rule *, t->space_count + 1);

	for (unsigned i = 0; i < t->space_count; i++) {
		const struct space *s = &t->spaces[i];

		rules[i] = mem_new_array(struct label_rule, s->constraint_count + 1);
		for (unsigned k = 0; k < s->constraint_count; k++)
			rules[i][k] = (struct label_rule){&s->constraints[k], i, k};
		qsort(rules[i], s->constraint_count, sizeof(rules[i][0]), compare_rules);
	}
	for (unsigned i = 0; i < t->space_count; i++)
		check_space_constraints(c, rules, i);
	for (unsigned i = 0; i < t->space_count; i++)
		free(rules[i]);
	free(rules);
}

void compile_clashes(struct compile *c)
{
	check_affinities(c);
	check_constraints(c);
}
