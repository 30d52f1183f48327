/* Rule 2: a zhost offers each capability that a space of the unit declares. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/place/rule/rules.h"

static void compile(struct filter *f, const struct space *s)
{
	for (unsigned i = 0; s != NULL && i < s->capability_count; i++) {
		bool known = capability_is_common(s->capabilities[i]);
		vector_for_each (&f->requirements, r)
			known = known || (r->rule == &rule_capability &&
					  strcmp(r->declared, s->capabilities[i]) == 0);
		if (!known)
			filter_add(f, &rule_capability)->declared = s->capabilities[i];
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct node_description *d = node_at(f->place, zhost)->description;
	const char *capability = r->declared;
	return bsearch(&capability, d->capabilities, d->capability_count, sizeof(const char *),
		       compare_texts) != NULL;
}

static char *what(const struct filter *f, const struct requirement *r)
{
	return str_printf("capability '%s'", (const char *)r->declared);
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	return mem_strdup("not offered");
}

static char *sentence(const struct filter *f, const struct requirement *r)
{
	return str_printf("no zhost satisfies capability requirement '%s'",
			  (const char *)r->declared);
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	return str_printf("capability %s", (const char *)r->declared);
}

static char *key(const struct requirement *r)
{
	return str_printf("c%s", (const char *)r->declared);
}

const struct place_rule rule_capability = {
	.number = PLACE_RULE_CAPABILITY,
	.name = "capability",
	.decision = RULE_BY_DESCRIPTION,
	.wakes_on = WAKE_DESCRIPTION,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.sentence = sentence,
	.smallest_change = smallest_change,
	.key = key,
};
