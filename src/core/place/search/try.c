/* A try, from request to result. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/place/explain/reason.h"
#include "core/place/need/workload.h"
#include "core/place/search/reasons.h"
#include "core/place/search/search.h"
#include "core/place/state/nodes.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"
#include "core/place/wait/wait.h"

struct place_attempt {
	struct place *place;
	const struct place_request *request;
	struct place_result *result;
};

static void check_request(const struct place *p, const struct place_request *request)
{
	for (size_t i = 0; i < request->unit_count; i++) {
		const struct place_unit_request *r = &request->units[i];
		const struct place_unit *u = unit_checked(p, r->unit);
		PRE(u->zhost == PLACE_NONE);
		PRE(r->has_only || !r->ignore_cordon);
		if (r->has_only)
			(void)node_checked(p, r->only);
		PRE(!r->shares_room || request->unit_count == 1);
		if (r->shares_room)
			check_slot_mates(p, u, unit_checked(p, r->replaces));
	}
}

/* All of `requests` or none; looks for the reason only with ret_reason. */
static bool try_together(struct place_attempt *t,
			 const struct place_unit_request *const *requests, uint32_t count,
			 struct place_reason *ret_reason)
{
	struct unit_search s;
	search_init(&s, t->place, requests, count);
	bool found = search_run(&s);
	t->result->steps += s.steps;
	t->result->budget_spent |= s.budget_spent;
	if (!found && ret_reason != NULL)
		search_reason(&s, ret_reason);
	search_done(&s);
	return found;
}

static int compare_paths(const void *a, const void *b, void *place)
{
	const struct place_unit_request *x = *(const struct place_unit_request *const *)a;
	const struct place_unit_request *y = *(const struct place_unit_request *const *)b;
	const struct place_unit *u = unit_at(place, x->unit), *v = unit_at(place, y->unit);
	int order = strcmp(unit_path(u), unit_path(v));
	if (order != 0)
		return order;
	uint64_t s = u->need->topology->order, t = v->need->topology->order;
	return s != t ? (s < t ? -1 : 1) : x < y ? -1 : 1;
}

/* The one for which the earliest rule does not hold; of several the first. */
static const struct place_unit_request *
earliest_rule(struct place *p, const struct place_unit_request *const *requests, uint32_t count)
{
	const struct place_unit_request *first = requests[0];
	unsigned first_rule = search_rule_alone(p, first);
	for (uint32_t i = 1; i < count && first_rule > 0; i++) {
		unsigned rule = search_rule_alone(p, requests[i]);
		if (rule < first_rule) {
			first_rule = rule;
			first = requests[i];
		}
	}
	return first;
}

/* One by one, until a pass places none. Returns how many are left. */
static uint32_t try_each(struct place_attempt *t, const struct place_unit_request **requests,
			 uint32_t count)
{
	for (bool placed = true; placed;) {
		uint32_t left = 0;
		placed = false;
		for (uint32_t i = 0; i < count; i++) {
			if (try_together(t, &requests[i], 1, NULL))
				placed = true;
			else
				requests[left++] = requests[i];
		}
		count = left;
	}
	return count;
}

/* Those of the list that may want each other beside them (rules 4 and 5) go to its front; returns how
 * many: the others have no place whatever is placed. */
static uint32_t may_fit_together(struct place *p, const struct place_unit_request **requests,
				 uint32_t count)
{
	uint32_t front = 0;
	for (uint32_t i = 0; i < count; i++) {
		unsigned rule = search_rule_alone(p, requests[i]);
		if (rule != PLACE_RULE_AFFINITY && rule != PLACE_RULE_SPREAD && rule != NO_RULE)
			continue;
		const struct place_unit_request *r = requests[i];
		requests[i] = requests[front];
		requests[front++] = r;
	}
	return front;
}

/* One by one in the order of paths; then together what may fit only so, and again. The reason is that
 * of the earliest rule. */
static void try_one_by_one(struct place_attempt *t, const struct place_unit_request **requests,
			   uint32_t count)
{
	uint32_t tried = count;
	for (;;) {
		qsort_r(requests, count, sizeof(*requests), compare_paths, t->place);
		count = try_each(t, requests, count);
		uint32_t front = may_fit_together(t->place, requests, count);
		if (front < 2 || front == tried || !try_together(t, requests, front, NULL))
			break;
		tried = front;
		count -= front;
		memmove(requests, requests + front, count * sizeof(*requests));
	}
	if (count == 0)
		return;
	qsort_r(requests, count, sizeof(*requests), compare_paths, t->place);
	const struct place_unit_request *first = earliest_rule(t->place, requests, count);
	place_reason_done(&t->result->reason);
	bool found = try_together(t, &first, 1, &t->result->reason);
	INVARIANT(!found);
}

static void collect(struct place_attempt *t)
{
	for (size_t i = 0; i < t->request->unit_count; i++) {
		uint32_t where = unit_at(t->place, t->request->units[i].unit)->zhost;
		t->result->zhosts[i] = where;
		t->result->placed += where != PLACE_NONE;
	}
	t->result->complete = t->result->placed == t->request->unit_count;
}

static void finish(struct place_attempt *t)
{
	for (size_t i = 0; i < t->request->unit_count; i++) {
		struct place_unit *u = unit_at(t->place, t->request->units[i].unit);
		if (u->zhost == PLACE_NONE)
			continue;
		if (t->request->dry_run) {
			unit_detach(t->place, u);
			room_leave(t->place, u);
		} else {
			node_moved(t->place, u->zhost);
			wait_unit_came(t->place, u);
		}
	}
}

void place_try(struct place *p, const struct place_request *request, struct place_result *ret)
{
	struct place_attempt t = {p, request, ret};
	uint32_t count = (uint32_t)request->unit_count;
	check_request(p, request);
	*ret = (struct place_result){.reason.unit = PLACE_NONE};
	ret->zhosts = mem_new_array(uint32_t, count + 1);
	const struct place_unit_request *few[FEW_UNITS], **requests = few;
	if (count > FEW_UNITS)
		requests = mem_new_array(const struct place_unit_request *, count);
	for (uint32_t i = 0; i < count; i++)
		requests[i] = &request->units[i];
	nodes_rank(p);
	workload_refresh(p);
	if (count > 0 && !try_together(&t, requests, count, &ret->reason) &&
	    request->mode == PLACE_RECOVER && count > 1)
		try_one_by_one(&t, requests, count);
	collect(&t);
	if (ret->complete)
		place_reason_done(&ret->reason);
	finish(&t);
	if (requests != few)
		free(requests);
}

/* ---- results ---- */

void place_result_done(struct place_result *result)
{
	free(result->zhosts);
	place_reason_done(&result->reason);
	*result = (struct place_result){.reason.unit = PLACE_NONE};
}
