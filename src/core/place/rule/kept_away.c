/* Rule 4: anti-affinity binds both sides: no placed instance keeps away from the unit. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/place/rule/rules.h"

/* requirement.number: counter of the instances that keep away from the group;
 * requirement.other: counter of the members that the unit's own anti-affinity reports already,
 * COUNTER_NONE without one; requirement.text: the space that keeps away. */
#define COUNTER_NONE UINT32_MAX

/* The only space that has placed instances in that counter, or "others". */
static char *owner_text(const struct place *p, const struct need *n, uint32_t counter)
{
	const struct need *owner = NULL;
	const struct space *space = NULL;
	for (size_t i = 0; i < p->topologies.count; i++) {
		const struct place_topology *t = p->topologies.items[i];
		for (uint32_t k = 0; t->model != NULL && k < t->need_count; k++) {
			const struct need *other = &t->needs[k];
			for (uint32_t m = 0; other->placed > 0 && m < other->required_count;
			     m++) {
				if (other->terms[m].owners != counter)
					continue;
				if (space != NULL && space != other->terms[m].space)
					return mem_strdup("others");
				owner = other;
				space = other->terms[m].space;
			}
		}
	}
	if (owner == NULL)
		return mem_strdup("others");
	const char *topology = owner->topology->model->name;
	return strcmp(topology, n->topology->model->name) == 0
		       ? mem_strdup(space->name)
		       : str_printf("%s/%s", topology, space->name);
}

static char *what(const struct filter *f, const struct requirement *r)
{
	uint32_t column = f->place->counters.items[r->number].column;
	return str_printf("anti-affinity with '%s' on %s", r->text,
			  scope_text(f->place, column));
}

static int compare_texts(const void *a, const void *b, void *filter)
{
	CLEANUP(freep) char *x = what(filter, a);
	CLEANUP(freep) char *y = what(filter, b);
	return strcmp(x, y);
}

static void add(struct filter *f, uint32_t group, uint32_t counter)
{
	struct requirement *r = filter_add(f, &rule_kept_away);
	r->group = group;
	r->number = counter;
	r->other = COUNTER_NONE;
	for (uint32_t i = 0; i < f->need->required_count; i++) {
		const struct affinity_term *t = &f->need->terms[i];
		if (t->self && t->owners == counter)
			r->other = t->counter;
	}
	if (f->request != NULL)
		r->text = owner_text(f->place, f->need, counter);
}

/* Counters come in the order in which topologies came: sorted by text, it does not matter. */
static void compile(struct filter *f, const struct space *s)
{
	const struct place *p = f->place;
	size_t first = f->requirements.count;
	for (uint32_t i = 0; s == NULL && i < f->need->member_count; i++) {
		uint32_t group = f->need->members[i].group;
		vector_for_each (&p->groups.items[group].counters, counter) {
			if (p->counters.items[*counter].kind == COUNTER_FORBIDS)
				add(f, group, *counter);
		}
	}
	if (f->request != NULL && f->requirements.count > first + 1)
		qsort_r(&f->requirements.items[first], f->requirements.count - first,
			sizeof(struct requirement), compare_texts, f);
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	uint32_t reported =
		r->other != COUNTER_NONE ? counter_at(f->place, r->other, zhost) : 0;
	return counter_at(f->place, r->number, zhost) <= reported;
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	return company_text(f->place, f->place->counters.items[r->number].column, zhost,
			    counter_at(f->place, r->number, zhost));
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	CLEANUP(freep) char *name = what(f, r);
	return str_printf("no instance that violates %s", name);
}

const struct place_rule rule_kept_away = {
	.number = PLACE_RULE_AFFINITY,
	.name = "kept away",
	.code = FAILURE_KEPT_AWAY,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_MEMBERS_LEFT,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.smallest_change = smallest_change,
};
