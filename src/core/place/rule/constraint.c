/* Rule 3: region, kind and other labels of a zhost satisfy each constraint. */
#include "base/str.h"
#include "core/place/rule/rules.h"

static void compile(struct filter *f, const struct space *s)
{
	for (unsigned i = 0; s != NULL && i < s->constraint_count; i++)
		filter_add(f, &rule_constraint)->declared = &s->constraints[i];
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	return constraint_holds(r->declared, &node_at(f->place, zhost)->description->labels);
}

static char *what(const struct filter *f, const struct requirement *r)
{
	return str_printf("constraint '%s'", ((const struct constraint *)r->declared)->text);
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	const char *label = ((const struct constraint *)r->declared)->label;
	const char *value =
		label_set_find(&node_at(f->place, zhost)->description->labels, label);
	return value != NULL ? str_printf("%s is %s", label, value)
			     : str_printf("no label %s", label);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	const struct constraint *c = r->declared;
	switch (c->op) {
	case CONSTRAINT_EQ:
	case CONSTRAINT_IN:
		return str_printf("label %s=%s", c->label, c->values[0]);
	case CONSTRAINT_NE:
	case CONSTRAINT_NOT_IN:
		return str_printf("another value of label %s (%s)", c->label, c->text);
	case CONSTRAINT_EXISTS:
		return str_printf("label %s", c->label);
	case CONSTRAINT_LT:
		return str_printf("label %s below %g", c->label, c->number);
	case CONSTRAINT_GT:
		return str_printf("label %s above %g", c->label, c->number);
	}
	IMPOSSIBLE("operator of a constraint");
}

static const char *label(const struct filter *f, const struct requirement *r)
{
	return ((const struct constraint *)r->declared)->label;
}

static char *key(const struct requirement *r)
{
	const struct constraint *c = r->declared;
	bool compares = c->op == CONSTRAINT_LT || c->op == CONSTRAINT_GT;
	char *text = compares
			     ? str_printf("l%s\x1f%d\x1f%.17g", c->label, (int)c->op, c->number)
			     : str_printf("l%s\x1f%d", c->label, (int)c->op);
	for (unsigned i = 0; i < c->value_count; i++) {
		char *longer = str_printf("%s\x1f%s", text, c->values[i]);
		free(text);
		text = longer;
	}
	return text;
}

const struct place_rule rule_constraint = {
	.number = PLACE_RULE_SPATIAL,
	.name = "constraint",
	.code = FAILURE_CONSTRAINT,
	.decision = RULE_BY_DESCRIPTION,
	.wakes_on = WAKE_DESCRIPTION,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
	.label = label,
	.key = key,
};
