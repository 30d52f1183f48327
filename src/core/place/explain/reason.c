#include "core/place/explain/reason.h"

#include <stdlib.h>

#include "base/str.h"
#include "core/place/explain/smallest_change.h"
#include "core/place/state/nodes.h"

enum { ROOM_NAMED_MAX = 3 };

/* ---- the zhosts that remain ---- */

/* Those that pass rule 1. */
static void remaining_init(const struct filter *f, struct remaining *left)
{
	struct place *p = f->place;
	nodes_rank(p);
	*left = (struct remaining){.zhosts = mem_new_array(uint32_t, p->by_name.count + 1)};
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t zhost = p->by_name.items[rank];
		if (node_available(node_at(p, zhost)) && !is_excluded(f->request, zhost))
			left->zhosts[left->count++] = zhost;
	}
}

/* Keeps those on which the requirement holds; false, and all are kept, when there is none. */
static bool narrow(const struct filter *f, const struct requirement *r, struct remaining *left)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < left->count; i++)
		kept += requirement_holds(f, r, left->zhosts[i]);
	if (kept == 0)
		return false;
	if (kept == left->count)
		return true;
	kept = 0;
	for (uint32_t i = 0; i < left->count; i++) {
		if (requirement_holds(f, r, left->zhosts[i]))
			left->zhosts[kept++] = left->zhosts[i];
	}
	left->count = kept;
	return true;
}

/* The same for all rules by description together: their single requirements matter only when
 * the set is empty. */
static bool narrow_feasible(const struct filter *f, struct remaining *left)
{
	const struct feasible_set *set =
		&f->place->feasible_sets.items[f->need->demand->feasible];
	uint32_t kept = 0;
	for (uint32_t i = 0; i < left->count; i++)
		kept += feasible_has(set, left->zhosts[i]);
	if (kept == 0)
		return false;
	kept = 0;
	for (uint32_t i = 0; i < left->count; i++) {
		if (feasible_has(set, left->zhosts[i]))
			left->zhosts[kept++] = left->zhosts[i];
	}
	left->count = kept;
	return true;
}

/* The first requirement that none of the remaining zhosts satisfies; NULL when one is eligible.
 */
static const struct requirement *first_unsatisfied(const struct filter *f,
						   struct remaining *left)
{
	if (left->count == 0)
		return &f->requirements.items[0]; /* of rule 1 */
	bool feasible = narrow_feasible(f, left);
	vector_for_each (&f->requirements, r) {
		if (r->rule->number == PLACE_RULE_STATE ||
		    (feasible && r->rule->decision == RULE_BY_DESCRIPTION))
			continue;
		if (!narrow(f, r, left))
			return r;
	}
	return NULL;
}

unsigned reason_rule(const struct filter *f)
{
	struct remaining left;
	remaining_init(f, &left);
	const struct requirement *r = first_unsatisfied(f, &left);
	free(left.zhosts);
	return r != NULL ? r->rule->number : NO_RULE;
}

/* ---- sentences ---- */

/* Whether all rules but the first hold. */
static bool passes_others(const struct filter *f, uint32_t zhost)
{
	vector_for_each (&f->requirements, r) {
		if (r->rule->number != PLACE_RULE_STATE && !requirement_holds(f, r, zhost))
			return false;
	}
	return true;
}

/* The sentence of an exclusion, where only excluded zhosts would be eligible: the first that
 * the caller names. */
static bool find_exclusion(const struct filter *f, struct place_reason *reason)
{
	const struct place *p = f->place;
	for (uint32_t i = 0; i < f->request->excluded_count; i++) {
		const struct place_exclusion *e = &f->request->excluded[i];
		if (e->zhost >= p->nodes.count || !node_available(node_at(p, e->zhost)) ||
		    !passes_others(f, e->zhost) || e->sentence == NULL)
			continue;
		reason->code = e->code;
		reason->sentence = mem_strdup(e->sentence);
		return true;
	}
	return false;
}

static char *plain_sentence(const struct filter *f, const struct requirement *r)
{
	CLEANUP(freep) char *what = r->rule->what(f, r);
	return str_printf("no zhost satisfies %s", what);
}

/* Whether none of them has the label that the requirement is about. */
static bool all_lack_label(const struct filter *f, const char *label,
			   const struct remaining *left)
{
	for (uint32_t i = 0; label != NULL && i < left->count; i++) {
		const struct place_node *node = node_at(f->place, left->zhosts[i]);
		if (label_set_find(&node->description->labels, label) != NULL)
			return false;
	}
	return label != NULL;
}

static char *plain_detail(const struct filter *f, const struct requirement *r, const char *path,
			  const struct remaining *left)
{
	const char *label = r->rule->label != NULL ? r->rule->label(f, r) : NULL;
	const char *remain = left->count < f->place->by_name.count ? " that remain" : "";
	CLEANUP(freep)
	char *of = str_printf("none of %u zhost%s%s", left->count, str_plural(left->count),
			      left->count == 1 && remain[0] != '\0' ? " that remains" : remain);
	if (all_lack_label(f, label, left))
		return str_printf("needed by %s, %s has the label '%s'", path, of, label);
	return str_printf("needed by %s, %s", path, of);
}

/* "n1", "n1, n2 or n3", "one of 12 zhosts". The caller frees. */
static char *zhosts_text(const struct filter *f, const struct remaining *left)
{
	const char *names[ROOM_NAMED_MAX];
	if (left->count == 0 || left->count > ROOM_NAMED_MAX)
		return left->count == 0 ? NULL : str_printf("one of %u zhosts", left->count);
	for (uint32_t i = 0; i < left->count; i++)
		names[i] = node_name(f->place, left->zhosts[i]);
	switch (left->count) {
	case 1:
		return mem_strdup(names[0]);
	case 2:
		return str_printf("%s or %s", names[0], names[1]);
	default:
		return str_printf("%s, %s or %s", names[0], names[1], names[2]);
	}
}

bool reason_find(struct filter *f, const char *path, struct place_reason *reason)
{
	struct remaining left;
	remaining_init(f, &left);
	const struct requirement *r = first_unsatisfied(f, &left);
	if (r != NULL && !find_exclusion(f, reason)) {
		reason->code = r->rule->code_of != NULL ? r->rule->code_of(r) : r->rule->code;
		reason->sentence = r->rule->sentence != NULL ? r->rule->sentence(f, r)
							     : plain_sentence(f, r);
		reason->detail = r->rule->detail != NULL ? r->rule->detail(f, path, &left)
							 : plain_detail(f, r, path, &left);
		if (r->rule->number == PLACE_RULE_CAPACITY)
			reason->room_on = zhosts_text(f, &left);
	}
	free(left.zhosts);
	if (r != NULL)
		reason->change = smallest_change(f);
	return r != NULL;
}

/* ---- results ---- */

void place_reason_done(struct place_reason *reason)
{
	free(reason->sentence);
	free(reason->detail);
	free(reason->change);
	free(reason->room_on);
	*reason = (struct place_reason){.unit = PLACE_NONE};
}

char *place_reason_text(const struct place_reason *reason)
{
	if (reason->sentence == NULL)
		return NULL;
	return reason->detail != NULL ? str_printf("%s: %s", reason->sentence, reason->detail)
				      : mem_strdup(reason->sentence);
}

struct failure_reason place_reason_whole(const struct place_reason *reason)
{
	return failure_take(reason->code, place_reason_text(reason));
}

char *place_waits_text(const char *room_on, const char *why)
{
	return room_on != NULL ? str_printf("waits for room on %s: %s", room_on, why)
			       : str_printf("waits for a place: %s", why);
}
