#include "core/control/rollout_switch.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/apart.h"
#include "core/control/handovers.h"
#include "core/control/kept_set.h"
#include "core/control/mesh_tables.h"
#include "core/control/rollout_progress.h"
#include "core/control/state.h"
#include "core/control/wants.h"

bool rollout_is_before_switch(const struct control_application *a)
{
	const struct rollout *r = &a->rollout->rollout;
	return rollout_switches_later(r) && r->state != ROLLOUT_RETURNING;
}

/* ---- turns ---- */

static bool is_to_switch(const struct slot_control *root)
{
	const struct revision *target = application_of(root->slot)->rollout->target;
	return root->of_path->serving != NULL && !rollout_is_current(root, target);
}

/* The root space of the target that the slot belongs to; NULL: none. */
static const struct space *space_of(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	const struct declaration *d = declarations_of(a->rollout->target->declared, root->slot);
	return d != NULL ? d->space : NULL;
}

/* More instances of a space that changes would serve in the new version beside those of the old one. */
static bool joins_later(const struct slot_control *root, const bool *changes)
{
	const struct control_application *a = application_of(root->slot);
	return space_of(root) != NULL && changes[space_of(root)->index] &&
	       root->of_path->serving == NULL &&
	       !revision_declares(rollout_from(a), root->slot);
}

void rollout_set_joint_turns(struct control_application *a)
{
	CLEANUP(freep)
	bool *changes = mem_new_array(bool, a->rollout->target->topology->space_count);
	for_each_root (a, root) {
		root->turn = is_to_switch(root) ? TURN_JOINT : TURN_NOW;
		if (root->turn == TURN_JOINT && space_of(root) != NULL)
			changes[space_of(root)->index] = true;
	}
	for_each_root (a, root)
		if (joins_later(root, changes))
			root->turn = TURN_LATER;
}

/* ---- whether it may be made ---- */

bool rollout_switches_nothing(const struct control_application *a)
{
	for_each_root (a, root)
		if (root->turn == TURN_JOINT && is_to_switch(root))
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

/* Of what was added: what does not run, and the topology needs it; NULL: nothing. */
static const struct slot *missing_below(const struct control_application *a,
					const struct slot_control *root)
{
	if (root->turn != TURN_NOW || !revision_declares(a->rollout->target, root->slot) ||
	    revision_declares(rollout_from(a), root->slot))
		return NULL;
	slot_for_each_below (root->slot, s)
		if (s->goal == GOAL_DEPLOYED_STARTED && s->state != STATE_DEPLOYED_STARTED &&
		    !slot_is_optional(s))
			return s;
	return NULL;
}

char *rollout_switch_waits_text(const struct control_application *a)
{
	for_each_root (a, root) {
		const struct slot *s = missing_below(a, root);
		if (s != NULL && s->unplaced)
			return str_printf("%s waits for a place%s%s", s->path,
					  a->reason != NULL ? ": " : "",
					  a->reason != NULL ? a->reason : "");
		if (s != NULL)
			return str_printf("%s, which is new, does not run yet", s->path);
	}
	return NULL;
}

bool rollout_may_switch(const struct control_application *a)
{
	for_each_root (a, root) {
		bool is_unserved =
			root->of_path->serving == NULL && root->slot->goal != GOAL_NOT_DEPLOYED;
		if (root->turn == TURN_JOINT && (is_unserved || is_to_switch(root)) &&
		    !is_ready(root))
			return false;
		if (missing_below(a, root) != NULL)
			return false;
	}
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
	for_each_root (a, root)
		root->turn = TURN_NOW;
	if (keeps)
		kept_set_begin(c, a, former, r->rollout.spec.keep_ms);
}
