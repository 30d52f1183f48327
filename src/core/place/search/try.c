/* A try, from request to result. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
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

/* One by one in the order of paths, until a pass places none. The reason is that of the first
 * one left. */
static void try_one_by_one(struct place_attempt *t, const struct place_unit_request **requests,
			   uint32_t count)
{
	qsort_r(requests, count, sizeof(*requests), compare_paths, t->place);
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
	if (count == 0)
		return;
	place_reason_done(&t->result->reason);
	bool found = try_together(t, &requests[0], 1, &t->result->reason);
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
