#include "core/place/rule/filter.h"

#include "base/str.h"

/* Spaces of the unit, each once, in the order of their first instances. */
struct spaces {
	const struct space *few[8], **list;
	uint32_t count;
};

static void spaces_init(struct spaces *spaces, const struct topology *t, uint32_t root)
{
	uint32_t instances = t->instances[root].subtree_count;
	spaces->count = 0;
	spaces->list = instances <= ARRAY_SIZE(spaces->few)
			       ? spaces->few
			       : mem_new_array(const struct space *, instances);
	uint8_t *seen = instances > 1 ? mem_new_array(uint8_t, t->space_count) : NULL;
	for (uint32_t i = root; i < root + instances; i++) {
		const struct space *s = instance_space(t, i);
		if (seen == NULL || !seen[s->index])
			spaces->list[spaces->count++] = s;
		if (seen != NULL)
			seen[s->index] = 1;
	}
	free(seen);
}

static void spaces_done(struct spaces *spaces)
{
	if (spaces->list != spaces->few)
		free(spaces->list);
}

/* The end of the rules that have the number of the one at `first`. */
static size_t end_of_number(size_t first)
{
	size_t end = first;
	while (place_rules[end] != NULL &&
	       place_rules[end]->number == place_rules[first]->number)
		end++;
	return end;
}

/* By number, then by space, then in the order of the table: what one space declares under one
 * number is together. Last, of each number, what the unit as a whole requires. */
static void compile_all(struct filter *f, const struct spaces *spaces)
{
	for (size_t first = 0, end; place_rules[first] != NULL; first = end) {
		end = end_of_number(first);
		for (uint32_t s = 0; s <= spaces->count; s++) {
			const struct space *space = s < spaces->count ? spaces->list[s] : NULL;
			for (size_t i = first; i < end; i++)
				place_rules[i]->compile(f, space);
		}
	}
}

void filter_init(struct filter *f, struct place *p, const struct need *n,
		 const struct place_unit_request *request, enum strictness strictness)
{
	struct spaces spaces;
	*f = (struct filter){.place = p,
			     .topology = n->topology->model,
			     .root = n->root,
			     .need = n,
			     .request = request,
			     .strictness = strictness};
	spaces_init(&spaces, f->topology, f->root);
	compile_all(f, &spaces);
	spaces_done(&spaces);
}

void filter_init_some(struct filter *f, struct place *p, const struct topology *t,
		      uint32_t root, const struct need *n, enum rule_decision decision)
{
	struct spaces spaces = {.list = NULL};
	*f = (struct filter){.place = p, .topology = t, .root = root, .need = n};
	for (size_t i = 0; place_rules[i] != NULL; i++) {
		if (place_rules[i]->decision != decision)
			continue;
		if (spaces.list == NULL)
			spaces_init(&spaces, t, root);
		for (uint32_t s = 0; s < spaces.count; s++)
			place_rules[i]->compile(f, spaces.list[s]);
		place_rules[i]->compile(f, NULL);
	}
	if (spaces.list != NULL)
		spaces_done(&spaces);
}

void filter_done(struct filter *f)
{
	vector_for_each (&f->requirements, r)
		free(r->text);
	vector_done(&f->requirements);
	minimums_done(&f->minimums);
}

struct place_failure requirement_failure(const struct filter *f, const struct requirement *r,
					 uint32_t zhost)
{
	struct place_failure failure = {.rule = r->rule->number,
					.rule_name = r->rule->name,
					.what = r->rule->what(f, r)};
	char *how = r->rule->failure(f, r, zhost, &failure);
	if (failure.what == NULL) {
		failure.what = mem_strdup(how);
		failure.text = how;
		return failure;
	}
	failure.text = str_printf("%s, %s", failure.what, how);
	free(how);
	return failure;
}
