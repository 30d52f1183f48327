#include "core/control/rollout/rollout_switch.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/placement/placement.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/apart.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"

bool rollout_is_before_switch(const struct control_application *a)
{
	const struct rollout *r = &a->rollout->rollout;
	return rollout_switches_later(r) && r->state != ROLLOUT_RETURNING;
}

/* ---- turns ---- */

/* What serves the unit, or will when what is under way has failed. */
static const struct unit_placement *serving_unit(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	const struct unit_placement *back = unit_of(root->of_path->standby);
	return h != NULL && h->handover.state == HANDOVER_RETURNING && back != NULL
		       ? back
		       : unit_of(root->of_path->serving);
}

static bool is_to_switch(const struct slot_control *root)
{
	const struct revision *target = application_of(root->slot)->rollout->target;
	const struct unit_placement *unit = serving_unit(root);
	if (unit == NULL || !revision_declares(target, root->slot))
		return false;
	return (unit == unit_of(root->of_path->serving)
			? unit_change(root, target)
			: unit_change_between(root, unit->revision, target)) == UNIT_DIFFERS;
}

static bool changes_content(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	const struct revision *from = rollout_from(a), *target = a->rollout->target;
	return revision_declares(from, root->slot) && revision_declares(target, root->slot) &&
	       unit_change_between(root, from, target) == UNIT_DIFFERS;
}

/* It is placed again first, and its successor afterwards. */
static bool is_lost_before_switch(const struct slot_control *root)
{
	return root->lost && root->of_path->serving == NULL && changes_content(root);
}

/* The root space of the target that the slot belongs to; NULL: none. */
static const struct space *space_of(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	const struct declaration *d = declarations_of(a->rollout->target->declared, root->slot);
	return d != NULL ? d->space : NULL;
}

/* The version before has it, too, as far as it has one on each zhost. */
static bool each_joins_later(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	return root->slot->each && root->of_path->serving == NULL &&
	       declarations_of(rollout_from(a)->declared, root->slot) != NULL &&
	       unit_change_between(root, rollout_from(a), a->rollout->target) == UNIT_DIFFERS;
}

/* It is not served, and would be in the new version beside what serves in the one before: an instance of a space
 * that changes, or one that is not to run now. */
static bool waits_for_switch(const struct slot_control *root, const bool *changes)
{
	if (space_of(root) == NULL || root->of_path->serving != NULL || root->turn != TURN_NOW)
		return false;
	bool idle = root->slot->goal != GOAL_DEPLOYED_STARTED && changes_content(root);
	return root->slot->each ? each_joins_later(root)
				: idle || changes[space_of(root)->index];
}

void rollout_set_joint_turns(struct control_application *a)
{
	CLEANUP(freep)
	bool *changes = mem_new_array(bool, a->rollout->target->topology->space_count);
	for_each_root (a, root) {
		root->turn = is_to_switch(root) || is_lost_before_switch(root) ? TURN_JOINT
									       : TURN_NOW;
		if (root->turn == TURN_JOINT && space_of(root) != NULL)
			changes[space_of(root)->index] = true;
	}
	for_each_root (a, root)
		if (waits_for_switch(root, changes))
			root->turn = TURN_LATER;
}

void rollout_review_joint_turns(struct control_application *a)
{
	for_each_root (a, root) {
		if (root->turn == TURN_JOINT)
			continue;
		if (is_to_switch(root)) {
			root->turn = TURN_JOINT;
			apart_unit_changed(root);
		} else if (each_joins_later(root)) {
			root->turn = TURN_LATER;
		}
	}
}

void rollout_end_joint_turns(struct control_application *a)
{
	for_each_root (a, root) {
		bool was_joint = root->turn == TURN_JOINT;
		root->turn = TURN_NOW;
		if (was_joint)
			apart_unit_changed(root);
	}
}

/* ---- whether it may be made ---- */

bool rollout_switches_nothing(const struct control_application *a)
{
	for_each_root (a, root)
		if ((root->turn == TURN_JOINT && is_to_switch(root)) ||
		    (root->turn == TURN_LATER && root->slot->goal != GOAL_NOT_DEPLOYED))
			return false;
	return true;
}

static bool is_ready(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	if (root->slot->goal == GOAL_NOT_DEPLOYED && h == NULL)
		return true;
	if (h == NULL || h->revision == NULL || h->unwanted || root->slot->moving || root->lost)
		return false;
	return h->handover.state == HANDOVER_READY
		       ? handover_is_healthy(root)
		       : h->handover.state == HANDOVER_PREPARING && handover_is_deployed(root);
}

/* It is changed when its zhost is back: others do not wait for it [change.counts.each]. */
static bool waits_for_its_zhost(const struct slot_control *root)
{
	return root->slot->each && root->lost;
}

/* Of what was added: what does not run, and the topology needs it; NULL: nothing. */
static const struct slot *missing_below(const struct control_application *a,
					const struct slot_control *root)
{
	if (root->turn != TURN_NOW || waits_for_its_zhost(root) ||
	    !revision_declares(a->rollout->target, root->slot) ||
	    revision_declares(rollout_from(a), root->slot))
		return NULL;
	slot_for_each_below (root->slot, s)
		if (s->goal == GOAL_DEPLOYED_STARTED && s->state != STATE_DEPLOYED_STARTED &&
		    !slot_is_optional(s))
			return s;
	return NULL;
}

/* Everything waits for it, and it is to be served. */
static bool holds_up_switch(const struct slot_control *root)
{
	bool is_unserved = root->of_path->serving == NULL &&
			   root->slot->goal == GOAL_DEPLOYED_STARTED &&
			   !slot_is_optional(root->slot);
	return root->turn == TURN_JOINT && !waits_for_its_zhost(root) &&
	       (is_unserved || is_to_switch(root)) && !is_ready(root);
}

/* What it waits for in the version before; the caller frees. NULL: it is being handed over. */
static char *waits_before(const struct slot_control *root)
{
	const char *path = root->slot->path;
	const struct unit_handover *h = root->handover;
	if (root->slot->moving)
		return str_printf("%s waits until it has left its zhost", path);
	if (root->of_path->serving != NULL && loss_waits(root))
		return str_printf("%s waits for its zhost %s", path, slot_zhost(root)->name);
	if (root->lost || root->of_path->serving == NULL)
		return placement_waits_text(root->slot);
	if (h != NULL && h->revision == NULL)
		return str_printf("%s waits for its move (%s)", path,
				  handover_state_text(h->handover.state));
	return NULL;
}

char *rollout_switch_waits_text(const struct control_application *a)
{
	for_each_root (a, root) {
		const struct slot *s = missing_below(a, root);
		if (s != NULL && !slot_is_placed(control_of_slot(s)))
			return placement_waits_text(s);
		if (s != NULL)
			return str_printf("%s, which is new, does not run yet", s->path);
		char *waits = holds_up_switch(root) ? waits_before(root) : NULL;
		if (waits != NULL)
			return waits;
	}
	return NULL;
}

bool rollout_may_switch(const struct control_application *a)
{
	for_each_root (a, root)
		if (holds_up_switch(root) || missing_below(a, root) != NULL)
			return false;
	return true;
}

/* ---- the step ---- */

void rollout_switch(struct control *c, struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	bool keeps = r->rollout.spec.keep_ms > 0;
	struct revision *former = rollout_from(a);
	rollout_enter_switched(&r->rollout);
	handovers_switch(c, a, keeps);
	rollout_end_joint_turns(a);
	if (keeps)
		kept_set_begin(c, a, former, r->rollout.spec.keep_ms);
}
