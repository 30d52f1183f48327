/* How far a rollout is: it follows from the copies. */
#include "core/control/rollout/rollout_progress.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/members.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/loss.h"
#include "core/control/state/zhost_registry.h"

struct revision *rollout_wanted(const struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	return r->rollout.state == ROLLOUT_RETURNING ? r->base : r->target;
}

bool rollout_is_current(const struct slot_control *root, const struct revision *revision)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	return unit == NULL || !revision_declares(revision, root->slot) ||
	       unit_change(root, revision) <= UNIT_SHRINKS;
}

bool rollout_differs(const struct slot_control *root, const struct revision *revision)
{
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	return unit != NULL && revision_declares(revision, root->slot) &&
	       unit_change(root, revision) == UNIT_DIFFERS;
}

bool rollout_can_change(const struct slot_control *root)
{
	return root->handover == NULL && !root->slot->moving && slot_is_placed(root) &&
	       root->slot->goal != GOAL_NOT_DEPLOYED;
}

void rollout_progress(const struct control_application *a, uint32_t *ret_done,
		      uint32_t *ret_all)
{
	const struct application_rollout *r = a->rollout;
	const struct revision *from = r->base != NULL ? r->base : a->application.served;
	*ret_done = *ret_all = 0;
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		bool served = unit != NULL && unit->revision == r->target;
		if (!revision_declares(r->target, root->slot))
			continue; /* it stops when the rollout completes */
		if (!served && !rollout_differs(root, r->target) &&
		    unit_change_between(root, from, r->target) != UNIT_DIFFERS)
			continue;
		++*ret_all;
		*ret_done += served && root->handover == NULL;
	}
}

uint32_t rollout_place_of(const struct control_application *a, const struct slot *root)
{
	const struct application_rollout *r = a->rollout;
	return r->places[declarations_of(r->target->declared, root)->space->index];
}

/* A second copy is as far as it gets in this step. */
static bool is_beside(const struct slot_control *root)
{
	const struct handover *h = &root->handover->handover;
	return rollout_shares(root) &&
	       (h->state == HANDOVER_SHARING ||
		(h->state == HANDOVER_PREPARING && handover_is_deployed(root)));
}

static bool is_done(const struct control_application *a, const struct slot_control *root)
{
	if (root->handover != NULL && root->handover->revision != NULL)
		return is_beside(root);
	if (!revision_declares(a->rollout->target, root->slot))
		return true; /* it goes when everything is done */
	if (root->turn == TURN_LATER || root->slot->goal == GOAL_NOT_DEPLOYED)
		return true;
	bool lost = root->lost && !slot_is_optional(root->slot);
	if (lost && root->slot->each)
		return true; /* it is changed when its zhost is back */
	/* What is not to run is not waited for [change.submit.completes]. */
	lost = lost && root->slot->goal == GOAL_DEPLOYED_STARTED;
	return root->handover == NULL && !root->slot->moving && !lost &&
	       rollout_is_current(root, a->rollout->target);
}

bool rollout_step_is_done(const struct control_application *a)
{
	for_each_root (a, root)
		if (!is_done(a, root))
			return false;
	return true;
}

/* The first one that is not what is wanted, in the order in which they change; NULL: all are. One that cannot
 * change holds up those after it. */
static const struct slot_control *first_to_change(const struct control_application *a)
{
	const struct rollout *r = &a->rollout->rollout;
	bool rolls = r->state == ROLLOUT_ADVANCING && r->spec.policy == ROLLOUT_ROLLING &&
		     !a->rollout->at_once;
	const struct slot_control *first = NULL;
	for_each_root (a, root) {
		if (rollout_is_current(root, rollout_wanted(a)))
			continue;
		if (!rolls && root->lost && root->turn != TURN_LATER)
			return root; /* the others wait for it, or have changed */
		if (first == NULL || (rolls && rollout_place_of(a, root->slot) <
						       rollout_place_of(a, first->slot)))
			first = root;
	}
	return first;
}

/* It ends when that goes. */
bool rollout_move_is_in_vain(const struct slot_control *root, const struct revision *revision)
{
	return root->handover->revision == NULL && !revision_declares(revision, root->slot);
}

char *rollout_move_waits_text(const struct slot_control *root)
{
	const char *path = root->slot->path;
	const struct unit_handover *h = root->handover;
	if (h != NULL && h->revision == NULL &&
	    !rollout_move_is_in_vain(root, rollout_wanted(application_of(root->slot))))
		return str_printf("%s waits for its move (%s)", path,
				  handover_state_text(h->handover.state));
	if (root->slot->moving)
		return str_printf("%s waits until it has left its zhost", path);
	return NULL;
}

char *rollout_waits_text(const struct control_application *a)
{
	for_each_root (a, root) {
		char *waits = rollout_move_waits_text(root);
		if (waits != NULL)
			return waits;
	}
	const struct slot_control *first = first_to_change(a);
	const struct slot *missing = first == NULL ? members_missing(a) : NULL;
	if (missing != NULL && !slot_is_placed(control_of_slot(missing)))
		return placement_waits_text(missing);
	if (first == NULL)
		return mem_strdup("everything is handed over; it waits until all of it runs");
	const char *path = first->slot->path;
	if (first->slot->goal == GOAL_NOT_DEPLOYED)
		return str_printf("%s waits until it is undeployed", path);
	if (loss_waits(first))
		return str_printf("%s waits for its zhost %s", path, slot_zhost(first)->name);
	if (first->lost)
		return placement_waits_text(first->slot);
	return str_printf("%s is next", path);
}
