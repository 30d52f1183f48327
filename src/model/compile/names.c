/*
 * Spaces, their instances (`api-2`) and facets share one name space.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/names.h"

struct provider {
	const char *facet;
	unsigned space;
	unsigned item; /* in `provides` of that space */
};

/* Order of sorting; qsort_r would do the same with a context. */
static int compare_spaces(const void *a, const void *b, void *context)
{
	const struct topology *t = context;
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	int c = strcmp(t->spaces[x].name, t->spaces[y].name);

	if (c != 0)
		return c;
	return x < y ? -1 : x > y;
}

static int compare_providers(const void *a, const void *b)
{
	const struct provider *x = a, *y = b;
	int c = strcmp(x->facet, y->facet);

	if (c != 0)
		return c;
	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether no two have the same name. */
static bool name_spaces(struct compile *c)
{
	struct topology *t = c->t;
	bool unique = true;

	for (unsigned i = 0; i < t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];
		struct space *s = &t->spaces[i];

		s->index = i;
		s->parent = -1;
		s->each = in->has_count != 0 && in->count == 0; /* the word `each` */
		s->count = s->each ? 1 : in->count;
		s->numbered = in->has_count != 0 && !s->each;
		s->name = arena_strdup(c->arena, in->name != NULL ? in->name : "");
		if (in->name == NULL)
			finding(c, AT("spaces[%u]", i), "a space needs a name");
		if (strcmp(s->name, "self") == 0)
			finding(c, AT("spaces[%u].name", i),
				"'self' is reserved and cannot be a space's name");
		if (s->count == 0)
			finding(c, AT("spaces[%u].count", i), "count must be at least 1");
		t->by_name[i] = i;
	}
	qsort_r(t->by_name, t->space_count, sizeof(t->by_name[0]), compare_spaces, t);
	for (unsigned i = 1; i < t->space_count; i++) {
		const struct space *s = &t->spaces[t->by_name[i]];
		const struct space *before = &t->spaces[t->by_name[i - 1]];

		if (s->name[0] != '\0' && strcmp(s->name, before->name) == 0) {
			finding(c, AT("spaces[%u].name", s->index),
				"there are two spaces named '%s'", s->name);
			unique = false;
		}
	}
	return unique;
}

/* The space of which `name` is an instance ("api-2" of an `api` with count 3), or -1. */
static int space_of_instance(const struct topology *t, const char *name)
{
	const char *dash = strrchr(name, '-');
	uint64_t ordinal;

	if (dash == NULL || dash == name || dash[1] == '0' ||
	    str_to_u64(dash + 1, &ordinal) < 0)
		return -1;
	char *base = mem_strndup(name, (size_t)(dash - name));
	int space = topology_find_space(t, base);
	free(base);
	if (space < 0 || t->spaces[space].count < 2 || ordinal > t->spaces[space].count)
		return -1;
	return space;
}

static void check_clash(struct compile *c, struct place place, const char *what,
			const char *name)
{
	int space = space_of_instance(c->t, name);

	if (space >= 0)
		finding(c, place, "%s '%s' has the name of an instance of '%s' (count %u)",
			what, name, c->t->spaces[space].name, c->t->spaces[space].count);
}

/* All (facet, space) pairs, sorted. */
static struct provider *collect_providers(struct compile *c, size_t *ret_count)
{
	size_t count = 0, n = 0;

	for (unsigned i = 0; i < c->t->space_count; i++)
		count += c->in->spaces[i]->n_provides;
	struct provider *all = mem_new_array(struct provider, count + 1);
	for (unsigned i = 0; i < c->t->space_count; i++) {
		for (size_t k = 0; k < c->in->spaces[i]->n_provides; k++)
			all[n++] = (struct provider){c->in->spaces[i]->provides[k], i,
						     (unsigned)k};
	}
	qsort(all, count, sizeof(all[0]), compare_providers);
	*ret_count = count;
	return all;
}

static void check_facet(struct compile *c, const struct provider *first)
{
	struct place place = AT("spaces[%u].provides[%u]", first->space, first->item);

	if (strcmp(first->facet, "self") == 0)
		finding(c, place, "'self' is reserved and cannot be a facet's name");
	if (topology_find_space(c->t, first->facet) >= 0)
		finding(c, place, "facet '%s' has the name of a space", first->facet);
	else
		check_clash(c, place, "facet", first->facet);
}

static void name_facets(struct compile *c)
{
	struct topology *t = c->t;
	size_t count;
	struct provider *all = collect_providers(c, &count);

	t->facets = arena_new_array(c->arena, struct facet, count);
	for (size_t i = 0, end; i < count; i = end) {
		struct facet *f = &t->facets[t->facet_count++];

		for (end = i + 1; end < count && strcmp(all[end].facet, all[i].facet) == 0;
		     end++)
			;
		f->name = arena_strdup(c->arena, all[i].facet);
		f->providers = arena_new_array(c->arena, unsigned, end - i);
		for (size_t k = i; k < end; k++) {
			if (k > i && all[k].space == all[k - 1].space)
				finding(c,
					AT("spaces[%u].provides[%u]", all[k].space,
					   all[k].item),
					"facet '%s' is listed twice", f->name);
			else
				f->providers[f->provider_count++] = all[k].space;
		}
		check_facet(c, &all[i]);
	}
	free(all);
	for (unsigned i = 0; i < t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];
		struct space *s = &t->spaces[i];

		s->provides = arena_new_array(c->arena, const char *, in->n_provides);
		for (size_t k = 0; k < in->n_provides; k++) {
			int facet = topology_find_facet(t, in->provides[k]);
			s->provides[s->provide_count++] = t->facets[facet].name;
		}
		qsort(s->provides, s->provide_count, sizeof(s->provides[0]), compare_names);
	}
}

bool compile_names(struct compile *c)
{
	struct topology *t = c->t;
	bool unique;

	t->space_count = (unsigned)c->in->n_spaces;
	t->spaces = arena_new_array(c->arena, struct space, t->space_count);
	t->by_name = arena_new_array(c->arena, unsigned, t->space_count);
	unique = name_spaces(c);
	for (unsigned i = 0; unique && i < t->space_count; i++)
		check_clash(c, AT("spaces[%u].name", i), "space", t->spaces[i].name);
	name_facets(c);
	return unique;
}

char *hint_for(const struct compile *c, const char *name, bool facets_too)
{
	const struct topology *t = c->t;
	const char *best = NULL;
	unsigned best_distance = 3;
	int space = space_of_instance(t, name);

	if (space >= 0)
		return str_printf(" (that is an instance: name the space '%s')",
				  t->spaces[space].name);
	if (!facets_too && topology_find_facet(t, name) >= 0)
		return mem_strdup(" (that is a facet)");
	/* For people: in a topology of thousands of spaces, hints would take too long. */
	if (t->space_count > 200 || t->facet_count > 200 || strlen(name) > 63)
		return mem_strdup("");
	for (unsigned i = 0; i < t->space_count + (facets_too ? t->facet_count : 0); i++) {
		const char *other = i < t->space_count ? t->spaces[i].name
						       : t->facets[i - t->space_count].name;
		unsigned distance = str_distance(name, other);

		if (distance < best_distance && distance < strlen(name)) {
			best_distance = distance;
			best = other;
		}
	}
	return best != NULL ? str_printf(" (did you mean '%s'?)", best) : mem_strdup("");
}
