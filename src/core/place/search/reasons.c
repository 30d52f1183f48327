#include "core/place/search/reasons.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/place/explain/judgement.h"
#include "core/place/explain/reason.h"
#include "core/place/state/groups.h"
#include "core/place/state/units.h"

unsigned search_rule_alone(struct place *p, const struct place_unit_request *r)
{
	struct filter f;
	judgement_open(&f, p, r, OPTIMISTIC);
	unsigned rule = reason_rule(&f);
	judgement_close(&f);
	return rule;
}

/* Whether the unit finds no place even alone; then why. */
static bool reason_alone(struct place *p, const struct place_unit_request *r,
			 struct place_reason *reason)
{
	struct filter f;
	judgement_open(&f, p, r, OPTIMISTIC);
	bool found = reason_find(&f, unit_path(unit_at(p, r->unit)), reason);
	if (found)
		reason->unit = r->unit;
	judgement_close(&f);
	return found;
}

static char *prefix(char *text, char *before)
{
	char *whole = text != NULL ? str_printf("%s; %s", before, text) : mem_strdup(before);
	free(text);
	free(before);
	return whole;
}

/* Goes to the dead end, or back to where no unit of the set is placed. */
static void visit_dead_end(struct place *p, const struct dead_end *d, bool go)
{
	for (uint32_t i = 0; i < d->depth; i++) {
		struct place_unit *u = d->units[i];
		if (u == d->unit)
			continue;
		for (uint32_t m = 0; m < u->need->member_count; m++)
			group_pend(p, u->need->members[m].group,
				   (go ? -1 : 1) * (int32_t)u->need->members[m].count);
		if (go)
			unit_attach(p, u, d->zhosts[i], false);
		else
			unit_detach(p, u);
	}
}

/* Each fits alone, but not all together: why the search could not continue at its farthest
 * point. */
static void reason_together(struct unit_search *s, struct place_reason *reason)
{
	struct place *p = s->place;
	const struct dead_end *d = &s->dead_end;
	const struct place_unit *unplaced = d->unit;
	visit_dead_end(p, d, true);
	struct filter f;
	judgement_open(&f, p, d->request, d->at_the_end ? STRICT : OPTIMISTIC);
	reason->unit = unplaced->handle;
	if (!reason_find(&f, unit_path(unplaced), reason))
	/* It has a zhost itself, but no zhost that leaves one for the others. */
	{
		reason->code = FAILURE_CAPACITY;
		reason->sentence = mem_strdup("insufficient capacity on remaining zhosts");
	}
	judgement_close(&f);
	visit_dead_end(p, d, false);
	reason->detail = prefix(reason->detail,
				str_printf("each of %u fits alone but not all together; with "
					   "%u placed there is no place for %s",
					   s->unit_count, d->depth - (d->at_the_end ? 1 : 0),
					   unit_path(unplaced)));
}

static int compare_paths(const void *a, const void *b)
{
	const struct unit_kind *x = *(struct unit_kind *const *)a,
			       *y = *(struct unit_kind *const *)b;
	int order = strcmp(unit_path(x->units[0]), unit_path(y->units[0]));
	return order != 0 ? order : x->number < y->number ? -1 : 1;
}

void search_reason(struct unit_search *s, struct place_reason *reason)
{
	/* One unit of each kind is enough: the others would give the same reason. */
	const struct place_unit_request *first = NULL;
	unsigned first_rule = NO_RULE;
	struct unit_kind **kinds = mem_new_array(struct unit_kind *, s->kind_count + 1);
	for (uint32_t k = 0; k < s->kind_count; k++)
		kinds[k] = &s->kinds[k];
	qsort(kinds, s->kind_count, sizeof(*kinds), compare_paths);
	for (uint32_t k = 0; k < s->kind_count && first_rule > PLACE_RULE_STATE; k++) {
		unsigned rule = search_rule_alone(s->place, kinds[k]->request);
		if (rule >= first_rule)
			continue;
		first_rule = rule;
		first = kinds[k]->request;
	}
	free(kinds);
	if (first == NULL || !reason_alone(s->place, first, reason))
		reason_together(s, reason);
	if (s->budget_spent) {
		char *detail = str_printf(
			"%s; the search gave up after %llu steps, so a place may exist",
			reason->detail, (unsigned long long)s->steps);
		free(reason->detail);
		reason->detail = detail;
	}
}
