/* Why there is no place. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/wants.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"

/* Of the first unit that is placed, but exhausted there; none: there is no such unit. */
static struct failure_reason reason_of_exhausted(const struct control_application *a,
						 struct wants *wants)
{
	const struct control *c = a->control;
	struct slot_control *exhausted = NULL;
	struct place_explanation e = {0};
	for_each_root (a, root)
		if (exhausted == NULL && !slot_is_optional(root->slot) && wants_to_move(root))
			exhausted = root;
	if (exhausted == NULL)
		return (struct failure_reason){0};
	wants_add(c, wants, exhausted, exhausted->place_unit);
	place_explain(c->place, &wants->list.items[0], &e);
	struct failure_reason reason = place_reason_whole(&e.reason);
	place_explanation_done(&e);
	return reason;
}

struct failure_reason placement_reason_of(const struct slot_control *root)
{
	const struct control *c = application_of(root->slot)->control;
	struct wants one = {0};
	struct place_explanation e = {0};
	/* Without a unit it waits for its turn, or no version that runs has it any longer. */
	if (slot_is_placed(root) || root->slot->moving || !root->no_place ||
	    root->place_unit == PLACE_NONE ||
	    (root->slot->each && each_zhost(root->slot) == NULL))
		return (struct failure_reason){0};
	wants_add_lost(c, &one, (struct slot_control *)root);
	place_explain(c->place, &one.list.items[0], &e);
	struct failure_reason reason = place_reason_whole(&e.reason);
	place_explanation_done(&e);
	wants_done(&one);
	return reason;
}

/* What lacks a place now, without what is optional. True: some of it was lost. */
static bool collect_unplaced(const struct control_application *a, struct wants *wants)
{
	bool lost = false;
	for_each_root (a, root) {
		if (root->slot->moving || root->slot->goal == GOAL_NOT_DEPLOYED ||
		    root->place_unit == PLACE_NONE || slot_is_optional(root->slot) ||
		    loss_waits(root) || (root->slot->each && each_zhost(root->slot) == NULL))
			continue;
		if (root->lost || wants_first_place(root))
			wants_add_lost(a->control, wants, root);
		lost = lost || root->lost;
	}
	return lost;
}

/* Tries them, and keeps nothing. */
static void try_dry(const struct control_application *a, const struct wants *wants, bool lost,
		    struct place_result *ret)
{
	const struct place_request request = {.mode = lost ? PLACE_RECOVER : PLACE_TOGETHER,
					      .units = wants->list.items,
					      .unit_count = wants->list.count,
					      .dry_run = true};
	place_try(a->control->place, &request, ret);
}

/* Reasons age: zhosts come and go without making a place. So it is asked again when shown. */
struct failure_reason placement_reason_now(const struct control_application *a)
{
	struct wants wants = {0};
	struct failure_reason reason = {0};
	if (a->reason.text == NULL)
		return reason;
	bool lost = collect_unplaced(a, &wants);
	if (wants.list.count > 0) {
		struct place_result result;
		try_dry(a, &wants, lost, &result);
		reason = place_reason_whole(&result.reason);
		place_result_done(&result);
	} else {
		reason = reason_of_exhausted(a, &wants);
	}
	bool lacks = wants.list.count > 0 || a->unhealthy > 0 || topology_waits_for_zhosts(a);
	wants_done(&wants);
	return reason.text != NULL || !lacks ? reason : failure_copy(&a->reason);
}

/* Of the unit that has no place: the slot. `other`, where it is none of them. */
static const struct slot *without_place(const struct wants *wants, uint32_t unit,
					const struct slot *other)
{
	for (size_t k = 0; k < wants->list.count; k++)
		if (wants->list.items[k].unit == unit)
			return wants->roots.items[k]->slot;
	return other;
}

char *placement_waits_text(const struct slot *s)
{
	const struct control_application *a = application_of(s);
	struct wants wants = {0};
	struct place_result result = {0};
	bool lost = collect_unplaced(a, &wants);
	if (wants.list.count > 0)
		try_dry(a, &wants, lost, &result);
	CLEANUP(freep) char *why = place_reason_text(&result.reason);
	const struct slot *first = without_place(&wants, result.reason.unit, s);
	const char *was_lost =
		control_of_slot(first->root)->lost ? ", whose zhost was lost," : "";
	CLEANUP(freep)
	char *waits = why != NULL ? place_waits_text(result.reason.room_on, why)
				  : mem_strdup("waits for a place");
	char *text = str_printf("%s%s %s", first->path, was_lost, waits);
	place_result_done(&result);
	wants_done(&wants);
	return text;
}

char *placement_reason_of_successor(const struct slot_control *root, char **ret_room_on)
{
	const struct unit_handover *h = root->handover;
	struct wants one = {0};
	struct place_result result = {.complete = true};
	PRE(h != NULL && h->waits != NULL);
	if (root->moving_place != PLACE_NONE && handover_seeks(root)) {
		wants_add_successor(application_of(root->slot)->control, &one,
				    (struct slot_control *)root, root->moving_place);
		try_dry(application_of(root->slot), &one, false, &result);
	}
	bool known = !result.complete;
	char *why = known ? place_reason_text(&result.reason) : mem_strdup(h->waits);
	*ret_room_on = known ? steal_ptr(&result.reason.room_on) : mem_strdup(h->room_on);
	place_result_done(&result);
	wants_done(&one);
	return why;
}

char *placement_waits_text_of_successor(const struct slot_control *root)
{
	CLEANUP(freep) char *room_on = NULL;
	CLEANUP(freep) char *why = placement_reason_of_successor(root, &room_on);
	return place_waits_text(room_on, why);
}

struct failure_reason placement_no_zhost_fits(const struct control_application *a)
{
	struct control *c = a->control;
	const struct revision *r = wanted_revision(a);
	unsigned space = 0;
	if (!topology_waits_for_zhosts(a))
		return (struct failure_reason){0};
	while (space < r->topology->space_count && !r->topology->spaces[space].each)
		space++;
	if (space == r->topology->space_count)
		return (struct failure_reason){0};
	struct place_unit_request any = {
		.unit = place_unit_new(c->place, r->place,
				       r->topology->spaces[space].instances[0], PLACE_NONE)};
	const struct place_request request = {
		.mode = PLACE_TOGETHER, .units = &any, .unit_count = 1, .dry_run = true};
	struct place_result result;
	place_unit_name(c->place, any.unit, r->topology->spaces[space].name);
	place_try(c->place, &request, &result);
	CLEANUP(freep)
	char *why = result.complete ? NULL : place_reason_text(&result.reason);
	place_result_done(&result);
	place_unit_free(c->place, any.unit);
	return failure_new(FAILURE_EACH, "no zhost fits %s%s%s",
			   r->topology->spaces[space].name, why != NULL ? ": " : "",
			   why != NULL ? why : "");
}
