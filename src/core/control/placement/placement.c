#include "core/control/placement/placement.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/placement/placement_assign.h"
#include "core/control/placement/placement_leave.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/apart.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/loss.h"
#include "core/control/state/open_roots.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/rules.h"

static struct control_zhost *zhost_of_handle(const struct control *c, uint32_t handle)
{
	return zhost_find(&c->zhosts, place_zhost_name(c->place, handle));
}

uint32_t placement_unit(const struct slot_control *root)
{
	return root->slot->moving && root->moving_place != PLACE_NONE ? root->moving_place
								      : root->place_unit;
}

/* ---- trying ---- */

/* A change may have waited for a place of it, and does not wait for what is not to run and has none. */
static void set_no_place(struct slot_control *root, bool no_place)
{
	if (root->no_place != no_place)
		mark_application(application_of(root->slot), APPLICATION_ROLLOUT);
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		if (sc->no_place != no_place)
			mark_slot(sc);
		sc->no_place = no_place;
		slot_publish_facts(sc);
		topology_state_count(sc);
	}
}

static void set_reason(struct control *c, struct control_application *a,
		       struct failure_reason take_reason)
{
	if (!failure_equal(&a->reason, &take_reason)) {
		/* A record of an earlier version has the sentence without its code. */
		if (!str_equal(a->reason.text, take_reason.text))
			a->updated_ms = c->now.wall_ms;
		mark_application(a, APPLICATION_RECORD);
	}
	failure_done(&a->reason);
	a->reason = take_reason;
}

/* The one that finds no place; NULL: it is none of them. */
static const struct slot *unplaced_slot(const struct wants *w,
					const struct place_reason *reason)
{
	for (size_t k = 0; k < w->list.count; k++)
		if (w->list.items[k].unit == reason->unit)
			return w->roots.items[k]->slot;
	return NULL;
}

/* Tries and assigns. True: all of them have a place. `*ret_reason` is set otherwise. */
static bool try_wants(struct control *c, struct wants *w, enum place_mode mode,
		      struct failure_reason *ret_reason)
{
	struct place_result result;
	const struct place_request request = {
		.mode = mode, .units = w->list.items, .unit_count = w->list.count};
	place_try(c->place, &request, &result);
	if (mode == PLACE_TOGETHER && !result.complete)
		application_of(w->roots.items[0]->slot)->slots.blocker =
			unplaced_slot(w, &result.reason);
	size_t kept = 0;
	for (size_t k = 0; k < w->list.count; k++) {
		struct slot_control *root = w->roots.items[k];
		if (result.zhosts[k] == PLACE_NONE) {
			set_no_place(root, true);
			w->roots.items[kept] = root;
			w->list.items[kept++] = w->list.items[k];
			continue;
		}
		c->count.placements++;
		c->count.recoveries += root->lost;
		free((void *)w->list.items[k].excluded);
		placement_assign(c, root, zhost_of_handle(c, result.zhosts[k]), false);
	}
	w->list.count = w->roots.count = kept;
	bool complete = result.complete;
	if (!complete && ret_reason->text == NULL)
		*ret_reason = place_reason_whole(&result.reason);
	place_result_done(&result);
	return complete;
}

static void drop_moving_place(struct control *c, struct slot_control *root)
{
	place_unit_free(c->place, root->moving_place);
	root->moving_place = PLACE_NONE;
	root->moving_revision = NULL;
}

/* Where it moves to: a second unit of its slot, placed there while the first one still holds its
 * room on the old zhost. */
static uint32_t moving_place(struct control *c, struct slot_control *root,
			     struct revision *revision)
{
	if (root->moving_place != PLACE_NONE && root->moving_revision != revision)
		drop_moving_place(c, root);
	if (root->moving_place == PLACE_NONE) {
		root->moving_place =
			application_new_unit(application_of(root->slot), c->place, revision,
					     root->slot, root->place_unit);
		root->moving_revision = revision;
		open_root(root);
	}
	return root->moving_place;
}

static void begin_move(struct control *c, struct slot_control *root)
{
	c->count.placements++;
	handover_make_way(c, root);
	root->slot->moving = true;
	unit_review_leaving(c, root);
	open_root(root);
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		struct copy *copy = serving_copy(sc);
		if (copy == NULL)
			continue; /* its unit's revision does not declare it */
		copy->exhausted = false;
		copy->undeploy_failed = false; /* for an earlier request */
		copy->retry_at_ms = 0;
		slot_publish_facts(sc);
		mark_copy(copy, COPY_RECORD);
		mark_slot(sc);
		topology_state_count(sc);
		lifecycle_push(s);
	}
	set_no_place(root, false);
}

/* Looks for a place for `unit` of the slot, alone, on any zhost or (not PLACE_NONE) only on that one;
 * takes it. PLACE_NONE: there is none. */
static uint32_t try_alone(struct control *c, struct slot_control *root, uint32_t unit,
			  uint32_t only, struct failure_reason *ret_reason)
{
	struct wants one = {0};
	struct place_result result;
	wants_add(c, &one, root, unit);
	one.list.items[0].has_only = only != PLACE_NONE;
	one.list.items[0].only = only;
	const struct place_request request = {
		.mode = PLACE_TOGETHER, .units = one.list.items, .unit_count = 1};
	place_try(c->place, &request, &result);
	uint32_t zhost = result.complete ? result.zhosts[0] : PLACE_NONE;
	if (!result.complete && ret_reason != NULL && ret_reason->text == NULL)
		*ret_reason = place_reason_whole(&result.reason);
	place_result_done(&result);
	wants_done(&one);
	return zhost;
}

/* It leaves its zhost, and no place is held for it: its zhost was cordoned, or zrms started meanwhile.
 * Where there is none either, it looks again when it has left. */
static void hold_again(struct control *c, struct slot_control *root)
{
	if (root->slot->moving && root->slot->goal != GOAL_NOT_DEPLOYED &&
	    place_where(c->place, moving_place(c, root, unit_revision_elsewhere(root))) ==
		    PLACE_NONE)
		(void)try_alone(c, root, root->moving_place, PLACE_NONE, NULL);
}

/* Its retries are used up: is there another zhost? Then it moves there. */
static void try_to_move(struct control *c, struct slot_control *root,
			struct failure_reason *ret_reason)
{
	uint32_t unit = moving_place(c, root, unit_revision_elsewhere(root));
	if (try_alone(c, root, unit, PLACE_NONE, ret_reason) != PLACE_NONE)
		begin_move(c, root);
}

/* It belongs to one that is drained, and goes before it has a place. */
static bool is_drained(const struct slot_control *root)
{
	const struct control_zhost *z = each_zhost(root->slot);
	return z != NULL && drain_takes_slot(z, root->slot);
}

/* What lacks a place now: lost units, those that have none yet, and of both kinds those without
 * which the topology runs. */
static void collect_wants(const struct control *c, const struct control_application *a,
			  struct wants *lost, struct wants *first, struct wants *each,
			  struct wants *optional)
{
	for_each_open_root(a, root)
	{
		if (root->slot->moving || root->slot->goal == GOAL_NOT_DEPLOYED ||
		    root->place_unit == PLACE_NONE || loss_waits(root) ||
		    (!root->lost && !wants_first_place(root)) || each_has_no_zhost(root) ||
		    is_drained(root))
			continue;
		wants_add_lost(c,
			       slot_is_optional(root->slot) ? optional
			       : root->slot->each	    ? each
			       : root->lost		    ? lost
							    : first,
			       root);
	}
}

/* Each on its own zhost, or not at all: before the others, which can be elsewhere. */
static void try_each(struct control *c, struct wants *each, struct failure_reason *ret_reason)
{
	struct wants left = {0};
	for (size_t k = 0; k < each->list.count; k++) {
		struct wants one = {0};
		vector_push(&one.list, each->list.items[k]);
		vector_push(&one.roots, each->roots.items[k]);
		if (!try_wants(c, &one, PLACE_RECOVER, ret_reason)) {
			vector_push(&left.list, one.list.items[0]);
			vector_push(&left.roots, one.roots.items[0]);
		}
		vector_done(&one.list);
		vector_done(&one.roots);
	}
	vector_done(&each->list);
	vector_done(&each->roots);
	*each = left;
}

static size_t count_wants(const struct wants *lost, const struct wants *first,
			  const struct wants *each)
{
	return lost->list.count + first->list.count + each->list.count;
}

static void try_required(struct control *c, struct wants *lost, struct wants *first,
			 struct wants *each, struct failure_reason *ret_reason)
{
	size_t before = 0;
	do {
		before = count_wants(lost, first, each);
		failure_done(ret_reason);
		try_each(c, each, ret_reason);
		if (lost->list.count > 0)
			(void)try_wants(c, lost, PLACE_RECOVER, ret_reason);
		if (first->list.count > 0 && try_wants(c, first, PLACE_TOGETHER, ret_reason) &&
		    lost->list.count > 0) {
			/* What an affinity wants may have come. */
			failure_done(ret_reason);
			(void)try_wants(c, lost, PLACE_RECOVER, ret_reason);
		}
		/* It may have come for what is on each zhost, too. */
	} while (each->list.count > 0 && count_wants(lost, first, each) < before);
}

/* Those that have never had a place wait until the whole has one: they would take room from it. */
static void keep_waiting(struct wants *optional)
{
	size_t kept = 0;
	for (size_t k = 0; k < optional->list.count; k++) {
		if (!optional->roots.items[k]->lost) {
			set_no_place(optional->roots.items[k], true);
			free((void *)optional->list.items[k].excluded);
			continue;
		}
		optional->roots.items[kept] = optional->roots.items[k];
		optional->list.items[kept++] = optional->list.items[k];
	}
	optional->list.count = optional->roots.count = kept;
}

/* After all others, each for itself [change.optional.optional]. That one has no place is no reason
 * of the topology's. True: one has got its place. */
static bool try_optional(struct control *c, struct wants *optional, bool whole_waits)
{
	struct failure_reason reason = {0};
	if (whole_waits)
		keep_waiting(optional);
	size_t before = optional->list.count;
	if (before > 0)
		(void)try_wants(c, optional, PLACE_RECOVER, &reason);
	failure_done(&reason);
	return optional->list.count < before;
}

/* What it waited for is collected again. */
static void forget_waiting(struct control *c, struct control_application *a)
{
	place_wait_end(c->place, a->ticket);
	for_each_open_root(a, root)
	{
		if (!root->slot->moving)
			drop_moving_place(c, root);
	}
}

void placement_seek(struct slot_control *sc)
{
	struct control_application *a = application_of(sc->slot);
	struct slot_control *root = control_of_slot(sc->slot->root);
	mark_application(a, APPLICATION_PLACE);
	if (a->state == TOPOLOGY_FAILED || root->seeking)
		return;
	root->seeking = true;
	open_root(root);
	slot_for_each_below (root->slot, s)
		topology_state_count(control_of_slot(s));
}

static void end_seeking(struct control_application *a)
{
	for_each_open_root(a, root)
	{
		if (!root->seeking)
			continue;
		root->seeking = false;
		slot_for_each_below (root->slot, s)
			topology_state_count(control_of_slot(s));
	}
}

/* A handover looks for the place of its successor. False: there is none. */
static bool place_successor(struct control *c, struct slot_control *root)
{
	struct wants one = {0};
	struct place_result result;
	wants_add_successor(c, &one, root, moving_place(c, root, handover_revision(root)));
	const struct place_request request = {
		.mode = PLACE_TOGETHER, .units = one.list.items, .unit_count = 1};
	place_try(c->place, &request, &result);
	handover_set_waits(root, result.complete ? NULL : place_reason_text(&result.reason),
			   result.complete ? NULL : steal_ptr(&result.reason.room_on));
	if (result.complete) {
		c->count.placements++;
		handover_placed(c, root, zhost_of_handle(c, result.zhosts[0]),
				root->moving_place);
		root->moving_place = PLACE_NONE;
		root->moving_revision = NULL;
	}
	bool placed = result.complete;
	place_result_done(&result);
	wants_done(&one);
	return placed;
}

static void try_successor(struct control *c, struct slot_control *root)
{
	bool placed = place_successor(c, root);
	/* A second copy that is to share what arrives needs its room. */
	if (placed || rollout_shares(root) || !handover_stop_first(root))
		return;
	apart_unit_changed(root);
	(void)place_successor(c, root);
}

/* What had used up its attempts while another copy stood beside it: it is tried elsewhere, or there again, later. */
static void exclude_exhausted(struct control *c, struct slot_control *root)
{
	if (!unit_has_failed(root))
		return;
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		if (copy != NULL && copy->exhausted && s->goal != GOAL_NOT_DEPLOYED &&
		    !exclusion_exists(root, copy_zhost(copy)))
			exclusion_add(c, root, copy);
	}
}

/* Nothing is tried elsewhere while another copy stands beside it. None: there is no such unit. */
static struct failure_reason reason_beside(const struct control_application *a)
{
	for_each_open_root(a, root)
	{
		slot_for_each_below (root->slot, s) {
			if (stands_alone(root) || s->goal == GOAL_NOT_DEPLOYED ||
			    !slot_is_exhausted(control_of_slot(s)) || slot_is_optional(s))
				continue;
			return failure_new(FAILURE_REPLACEMENT,
					   "%s has used up its attempts, and its new copy "
					   "does not serve yet",
					   s->path);
		}
	}
	return (struct failure_reason){0};
}

static void place_application(struct control *c, struct control_application *a,
			      const leaving_roots *leaving)
{
	struct wants first = {0}, lost = {0}, exhausted = {0}, optional = {0}, each = {0};
	struct failure_reason reason = {0};
	struct failure_reason reason_of_optional = {0};
	size_t left = placement_count_left(leaving, a);
	open_roots_sort(a);
	forget_waiting(c, a);
	end_seeking(a);
	a->slots.blocker = NULL;
	collect_wants(c, a, &lost, &first, &each, &optional);
	try_required(c, &lost, &first, &each, &reason);
	for_each_open_root(a, root)
	{
		hold_again(c, root);
		exclude_exhausted(c, root);
		if (reason.text == NULL && root->slot->each && !slot_is_optional(root->slot) &&
		    unit_is_exhausted(root) && root->exclusions != NULL)
			reason = failure_copy(&root->exclusions->reason);
		if (handover_seeks(root) && !each_has_no_zhost(root))
			try_successor(c, root);
		if (wants_to_move(root))
			try_to_move(c, root,
				    slot_is_optional(root->slot) ? &reason_of_optional
								 : &reason);
		if (wants_to_move(root) || (handover_seeks(root) && !each_has_no_zhost(root)))
			wants_add_elsewhere(c, &exhausted, root);
	}
	/* What others of it want beside them may have come. */
	if (try_optional(c, &optional, first.list.count > 0) &&
	    count_wants(&lost, &first, &each) + exhausted.list.count > 0)
		mark_application(a, APPLICATION_PLACE);
	if (reason.text == NULL)
		reason = placement_no_zhost_fits(a);
	wants_take(&optional, &each);
	/* Where it is now, others may follow. */
	if (placement_count_left(leaving, a) > left)
		mark_application(a, APPLICATION_PLACE);
	wants_wait(c, a, &lost, &first, &exhausted, &optional);
	if (reason.text == NULL && a->unhealthy > 0)
		reason = reason_beside(a);
	if (reason.text != NULL ||
	    a->unhealthy == 0) /* else it is tried again, and has still failed */
		set_reason(c, a, reason);
	open_roots_review(a);
	mark_application(a, APPLICATION_STATE);
	wants_done(&first);
	wants_done(&lost);
	wants_done(&exhausted);
	wants_done(&optional);
	failure_done(&reason_of_optional);
}

/* The oldest of those that have changed, and of those that wait for what may be there now [topology.placement.waiting]. */
static struct control_application *next_due(struct control *c)
{
	uint32_t due = place_wait_next_before(c->place, dirty_set_oldest_to_place(&c->dirty));
	if (due == PLACE_NONE)
		return dirty_set_next_to_place(&c->dirty);
	INVARIANT(due < c->applications.by_ticket.count &&
		  c->applications.by_ticket.items[due] != NULL);
	return c->applications.by_ticket.items[due];
}

/* `begins`: what may leave at once does not count yet. */
static void place_due(struct control *c, leaving_roots *leaving, bool begins)
{
	for (struct control_application *a; (a = next_due(c)) != NULL;) {
		if (begins)
			placement_leave_at_once(c, a, leaving);
		place_application(c, a, leaving);
		lifecycle_settle(&c->lifecycle);
	}
}

void placement_run(struct control *c)
{
	leaving_roots leaving = {0};
	lifecycle_settle(&c->lifecycle);
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_PLACE) != 0)
			placement_leave_at_once(c, *a, &leaving);
	place_due(c, &leaving, true);
	placement_stay(c, &leaving);
	place_due(c, &leaving, false);
}

/* ---- ends of placements ---- */

static bool is_gone_below(const struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		if (s->state != STATE_NOT_DEPLOYED)
			return false;
	return true;
}

/* The place that is held for it, judged again: since it was decided its zhost may have been cordoned,
 * have lost a label, or be silent. NULL: none, or another one is to be looked for. */
static struct control_zhost *held_place(struct control *c, struct slot_control *root)
{
	uint32_t unit = root->moving_place;
	uint32_t held = unit != PLACE_NONE ? place_where(c->place, unit) : PLACE_NONE;
	if (held == PLACE_NONE || root->slot->goal == GOAL_NOT_DEPLOYED)
		return NULL;
	place_remove(c->place, unit);
	uint32_t handle = try_alone(c, root, unit, held, NULL);
	if (handle == PLACE_NONE)
		handle = try_alone(c, root, unit, PLACE_NONE, NULL);
	return handle != PLACE_NONE ? zhost_of_handle(c, handle) : NULL;
}

/* It is gone from the zhost that it leaves: it takes the place that is held for it, where that is
 * still there and wanted. */
static void end_move(struct control *c, struct slot_control *root)
{
	struct control_application *a = application_of(root->slot);
	struct control_zhost *z = held_place(c, root);
	root->slot->moving = false;
	unit_retire(c, root);
	if (root->moving_place != PLACE_NONE) {
		place_unit_free(c->place, root->place_unit);
		root->place_unit = root->moving_place;
		root->place_revision = root->moving_revision;
		root->moving_place = PLACE_NONE;
		root->moving_revision = NULL;
	}
	if (z != NULL && z != root->last_zhost) {
		placement_assign(c, root, z, true);
		return;
	}
	if (root->place_unit != PLACE_NONE) /* a version that is wanted declares it */
		place_remove(c->place, root->place_unit);
	unit_rebase(c, root); /* what is wanted may have changed during the move */
	loss_forget(c, root);
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		sc->lost = false;
		slot_publish_facts(sc);
		mark_slot(sc);
	}
	mark_application(a, APPLICATION_PLACE);
}

void placement_drop_held(struct control *c, const struct control_zhost *z)
{
	application_for_each (&c->applications, a)
		for_each_open_root(a, root)
		{ /* one that moves is open */
			if (root->moving_place == PLACE_NONE ||
			    place_where(c->place, root->moving_place) != z->place)
				continue;
			place_remove(c->place, root->moving_place);
			mark_application(a, APPLICATION_PLACE);
		}
}

void placement_gone(struct control *c, struct slot_control *sc)
{
	struct slot_control *root = control_of_slot(sc->slot->root);
	if (sc->slot->leaves)
		mark_application(application_of(sc->slot), APPLICATION_HANDOVER);
	if (serving_copy(root) == NULL && !root->lost && !root->slot->moving)
		return;
	if (!is_gone_below(root))
		return;
	if (root->slot->moving) {
		end_move(c, root);
		return;
	}
	if (root->slot->goal != GOAL_NOT_DEPLOYED)
		return;
	unit_retire(c, root);
	loss_forget(c, root);
	slot_for_each_below (root->slot, s) {
		struct slot_control *below = control_of_slot(s);
		below->lost = below->no_place = below->placed_before = false;
		slot_publish_facts(below);
		mark_slot(below);
		topology_state_count(below);
	}
}

void placement_exhausted(struct control *c, struct copy *copy, bool is_known)
{
	struct slot_control *root = control_of_slot(copy->sc->slot->root);
	if (root->slot->moving || copy_joins(copy) || !may_leave(root) ||
	    !slot_is_placed(copy->sc))
		return;
	/* Nothing of it is to be started anywhere. */
	if (copy->sc->slot->goal == GOAL_NOT_DEPLOYED)
		return;
	bool is_excluded = exclusion_exists(root, copy_zhost(copy));
	if (is_known && !is_excluded) {
		slot_retry(copy->sc->slot);
		return;
	}
	if (!is_known)
		exclusion_add(c, root, copy);
	placement_seek(copy->sc);
}
