#include "core/control/rollout/rollout_waves.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/placement/unload_unit.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/rollout/rollout_relabel.h"
#include "core/control/rollout/rollout_switch.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/rollout_units.h"
#include "core/control/slot/wants.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"

static char *cause_of(const struct application_rollout *r, bool returns)
{
	if (returns)
		return str_printf("back to %s", revision_version(r->base));
	return str_printf("rollout to %s by %s", revision_version(r->target), r->by);
}

/* Handovers that lead elsewhere than the rollout does now, and, while it is paused, those that would wait for
 * others: what they are to replace goes on without them. */
static void mark_unwanted(struct control *c, struct control_application *a)
{
	const struct revision *wanted = rollout_wanted(a);
	bool paused = a->rollout->rollout.state == ROLLOUT_PAUSED;
	bool returns = a->rollout->rollout.state == ROLLOUT_RETURNING;
	vector_for_each (&a->handovers, item) {
		struct unit_handover *h = (*item)->handover;
		bool early = !returns && (*item)->turn == TURN_LATER;
		bool waits = h->held && (h->handover.state == HANDOVER_PLACING ||
					 h->handover.state == HANDOVER_PREPARING);
		h->unwanted = h->revision != NULL &&
			      ((paused && waits) || early ||
			       !rollout_has_same_content(*item, h->revision, wanted));
		if (!returns && !h->unwanted)
			handover_judge(c, *item);
	}
}

static bool has_change_under_way(const struct control_application *a)
{
	vector_for_each (&a->handovers, item)
		if ((*item)->handover->revision != NULL)
			return true;
	return false;
}

static bool replaces(const struct application_rollout *r)
{
	return r->rollout.state == ROLLOUT_ADVANCING && !r->at_once &&
	       r->rollout.spec.policy == ROLLOUT_REPLACE;
}

/* What is replaced all at once stops first, in one ordered stop. A return, and a step back, leave served what
 * can be. */
static void begin(struct control *c, struct slot_control *root, bool together)
{
	const struct control_application *a = application_of(root->slot);
	const struct application_rollout *r = a->rollout;
	bool returns = r->rollout.state == ROLLOUT_RETURNING;
	enum handover_kind kind = together && replaces(r)
					  ? HANDOVER_STOP_FIRST
					  : handover_kind_of_change(root, rollout_wanted(a));
	CLEANUP(freep) char *cause = cause_of(r, returns);
	handover_start_change(c, root, rollout_wanted(a), kind, returns,
			      together && kind == HANDOVER_STOP_FIRST, cause);
	if (kept_set_adopt(root))
		handover_adopted(c, root);
}

/* It is still to be changed. One that belongs to a zhost that is lost is changed when that is back: others do not
 * wait for it [change.counts.each]. */
static bool is_next(const struct slot_control *root, const struct revision *target)
{
	return rollout_differs(root, target) && !(root->slot->each && root->lost);
}

/* The first space in the order of imports that has something to change: a batch of its instances, of the
 * lowest numbers. */
static void begin_batch(struct control *c, struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	uint32_t first = UINT32_MAX;
	if (has_change_under_way(a))
		return;
	for_each_root (a, root)
		if (is_next(root, r->target) && rollout_place_of(a, root->slot) < first)
			first = rollout_place_of(a, root->slot);
	uint32_t batch = 0;
	CLEANUP(freep) struct slot_control **ordered = rollout_units(a);
	for (size_t k = 0; ordered[k] != NULL; k++) {
		struct slot_control *root = ordered[k];
		if (!is_next(root, r->target) || rollout_place_of(a, root->slot) != first)
			continue;
		const struct space *space =
			declarations_of(r->target->declared, root->slot)->space;
		if (batch >= rollout_spec_batch(&r->rollout.spec,
						revision_unit_count(a, r->target, space)))
			return;
		batch++;
		if (rollout_can_change(root))
			begin(c, root, false);
	}
}

/* All at once: they are installed, then stop together. */
static void begin_all(struct control *c, struct control_application *a)
{
	bool returns = a->rollout->rollout.state == ROLLOUT_RETURNING;
	for_each_root (a, root)
		if ((returns || root->turn != TURN_LATER) &&
		    rollout_differs(root, rollout_wanted(a)) && rollout_can_change(root))
			begin(c, root, true);
}

/* Of a canary: what has its turn. */
static void begin_turns(struct control *c, struct control_application *a)
{
	for_each_root (a, root)
		if (root->turn != TURN_LATER && rollout_differs(root, a->rollout->target) &&
		    rollout_can_change(root))
			begin(c, root, false);
}

static bool is_prepared(const struct slot_control *root)
{
	const struct handover *h = &root->handover->handover;
	return h->state == HANDOVER_PREPARING && handover_is_deployed(root);
}

/* In a return it holds no others back: they leave the version that has failed. */
static bool waits_for_room(const struct control_application *a, const struct unit_handover *h)
{
	return a->rollout->rollout.state == ROLLOUT_RETURNING &&
	       h->handover.state == HANDOVER_PLACING && h->waits != NULL;
}

static bool runs(const struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		if (state_is_active(s->state) || state_is_transitive(s->state))
			return true;
	return false;
}

/* Something else has still to end before it can be handed over: a move, or its handover to another version. */
static bool changes_later(const struct control_application *a, const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	bool is_begun =
		h != NULL && h->held && !h->unwanted && h->handover.state != HANDOVER_REMOVING;
	return rollout_differs(root, rollout_wanted(a)) && slot_is_placed(root) &&
	       root->slot->goal != GOAL_NOT_DEPLOYED && !rollout_can_change(root) &&
	       !is_begun && runs(root);
}

/* [change.rollout.replace] What is replaced stops in one order: what cannot be handed over yet is waited for, too. */
static bool waits_for_one(const struct control_application *a)
{
	for_each_root (a, root)
		if (changes_later(a, root))
			return true;
	return false;
}

char *rollout_stop_waits_text(const struct control_application *a)
{
	if (!replaces(a->rollout))
		return NULL;
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		if (h->revision != NULL && !is_prepared(*item))
			return NULL;
	}
	for_each_root (a, root) {
		char *waits = changes_later(a, root) ? rollout_move_waits_text(root) : NULL;
		if (waits != NULL)
			return waits;
	}
	return NULL;
}

/* Nothing stops before everything that stops with it is installed. */
static void stop_prepared(struct control *c, struct control_application *a)
{
	bool any = false;
	if (replaces(a->rollout) && waits_for_one(a))
		return;
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		if (!h->held || h->unwanted || (*item)->lost || waits_for_room(a, h))
			continue;
		bool waits = h->handover.state == HANDOVER_PLACING ||
			     h->handover.state == HANDOVER_PREPARING;
		if (waits && !is_prepared(*item))
			return;
		any = any || waits;
	}
	if (any)
		handovers_stop(c, a, false);
}

/* It is not to be deployed, and yet has a copy that nothing moves: its zhost is lost, or could not undeploy
 * it. Started later, it must not be of a revision that is past. */
static bool is_left_over(const struct slot_control *root)
{
	if (root->slot->goal != GOAL_NOT_DEPLOYED || serving_copy(root) == NULL)
		return false;
	slot_for_each_below (root->slot, s) {
		const struct copy *copy = serving_copy(control_of_slot(s));
		if (state_is_active(s->state) || state_is_transitive(s->state) ||
		    (!root->lost && s->state != STATE_NOT_DEPLOYED &&
		     (copy == NULL || !copy->undeploy_failed)))
			return false;
	}
	return true;
}

/* [change.optional.optional] [change.submit.completes] The topology runs without it, or it is not to run, and it has no
 * place in the version that it served: it holds nothing up, and is placed in the one that is wanted when there is room.
 * A rolling change keeps the order of what is to run. */
static bool is_lost_and_not_waited_for(const struct control_application *a,
				       const struct slot_control *root)
{
	const struct rollout *r = &a->rollout->rollout;
	bool runs = root->slot->goal == GOAL_DEPLOYED_STARTED;
	bool in_order = runs && r->spec.policy == ROLLOUT_ROLLING && !a->rollout->at_once;
	bool moves_on =
		r->state == ROLLOUT_RETURNING || (r->state == ROLLOUT_ADVANCING && !in_order);
	bool stays = loss_waits(root) || (!runs && (root->slot->each || loss_only_there(root)));
	return moves_on && root->lost && root->no_place && root->turn != TURN_LATER &&
	       (!runs || slot_is_optional(root->slot)) && !stays;
}

/* It serves another version, or was to be handed over, and nothing is left of it that could be. */
static bool is_to_unload(const struct control_application *a, const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	if (serving_copy(root) == NULL)
		return h != NULL && h->revision != NULL &&
		       h->handover.state == HANDOVER_PLACING &&
		       is_lost_and_not_waited_for(a, root);
	return !rollout_is_current(root, rollout_wanted(a)) &&
	       (is_left_over(root) || is_lost_and_not_waited_for(a, root));
}

static void unload_left(struct control *c, struct control_application *a)
{
	for_each_root (a, root)
		if (is_to_unload(a, root)) {
			unit_unload(c, root, "unloads in the background");
			mark_application(a, APPLICATION_ROLLOUT); /* nothing else shows it */
		}
}

void rollout_act(struct control *c, struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	mark_unwanted(c, a);
	handovers_stop(c, a, true);
	unload_left(c, a);
	if (r->rollout.state == ROLLOUT_PAUSED || r->rollout.state == ROLLOUT_WAITING)
		return;
	rollout_begin_moves(c, a);
	rollout_extend(c, a);
	bool advances = r->rollout.state == ROLLOUT_ADVANCING;
	if (advances && r->rollout.spec.policy == ROLLOUT_ROLLING && !r->at_once)
		begin_batch(c, a);
	else if (advances && rollout_is_in_steps(&r->rollout))
		begin_turns(c, a);
	else
		begin_all(c, a);
	if (!rollout_is_before_switch(a))
		stop_prepared(c, a);
}
