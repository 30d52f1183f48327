/* Rule 2: a zhost offers each capability that a space of the unit declares, and checks the access to its pages. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/place/rule/rules.h"

static void add(struct filter *f, const char *capability)
{
	vector_for_each (&f->requirements, r)
		if (r->rule == &rule_capability && strcmp(r->declared, capability) == 0)
			return;
	filter_add(f, &rule_capability)->declared = capability;
}

static void compile(struct filter *f, const struct space *s)
{
	for (unsigned i = 0; s != NULL && i < s->capability_count; i++)
		if (!capability_is_common(s->capabilities[i]))
			add(f, s->capabilities[i]);
	if (s != NULL && s->asks_token)
		add(f, CAPABILITY_PAGE_ACCESS);
	/* What is taken in place may get its first value in place, too. */
	if (s != NULL &&
	    (s->env_count > 0 || s->config_count > 0 || s->reload != RELOAD_BY_RESTART))
		add(f, CAPABILITY_SETTINGS);
	if (s != NULL && s->secret_count > 0)
		add(f, CAPABILITY_SECRETS);
}

/* No setting offers it: what a zhost of another version does not; NULL: it is a matter of settings. */
static const char *by_version(const struct requirement *r)
{
	if (strcmp(r->declared, CAPABILITY_PAGE_ACCESS) == 0)
		return "checks access to pages";
	if (strcmp(r->declared, CAPABILITY_SETTINGS) == 0)
		return "gives instances env and config";
	if (strcmp(r->declared, CAPABILITY_SECRETS) == 0)
		return "gives instances secrets";
	return strcmp(r->declared, CAPABILITY_CLUSTER_API) == 0
		       ? "gives instances tokens for zrms"
		       : NULL;
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
	const char *does = by_version(r);
	return does != NULL ? str_printf("its version is not one that %s: update it", does)
			    : mem_strdup("not offered");
}

static char *sentence(const struct filter *f, const struct requirement *r)
{
	const char *does = by_version(r);
	return does != NULL ? str_printf("no zhost %s: update them", does)
			    : str_printf("no zhost satisfies capability requirement '%s'",
					 (const char *)r->declared);
}

static enum failure_code code_of(const struct requirement *r)
{
	return strcmp(r->declared, CAPABILITY_PAGE_ACCESS) == 0	  ? FAILURE_PAGE_ACCESS
	       : strcmp(r->declared, CAPABILITY_CLUSTER_API) == 0 ? FAILURE_CLUSTER_API
	       : strcmp(r->declared, CAPABILITY_SETTINGS) == 0	  ? FAILURE_SETTINGS
	       : strcmp(r->declared, CAPABILITY_SECRETS) == 0	  ? FAILURE_SECRETS
								  : FAILURE_CAPABILITY;
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	const char *does = by_version(r);
	return does != NULL ? str_printf("a version that %s", does)
			    : str_printf("capability %s", (const char *)r->declared);
}

static char *key(const struct requirement *r)
{
	return str_printf("c%s", (const char *)r->declared);
}

const struct place_rule rule_capability = {
	.number = PLACE_RULE_CAPABILITY,
	.name = "capability",
	.code = FAILURE_CAPABILITY,
	.decision = RULE_BY_DESCRIPTION,
	.wakes_on = WAKE_DESCRIPTION,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.sentence = sentence,
	.code_of = code_of,
	.smallest_change = smallest_change,
	.key = key,
};
