#include "core/control/slot/rollout_steps.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/rollout_units.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/handover_kind.h"
#include "model/quantity.h"

bool rollout_has_same_content(const struct slot_control *root, const struct revision *from,
			      const struct revision *to)
{
	return unit_change_between(root, from, to) == UNIT_STAYS;
}

/* It is of a space that the rollout replaces. */
static bool changes(const struct control_application *a, const struct slot_control *root)
{
	return unit_change_between(root, rollout_from(a), a->rollout->target) == UNIT_DIFFERS;
}

/* Both versions have it: it is neither added nor removed. */
static bool stays(const struct control_application *a, const struct slot_control *root)
{
	return revision_declares(rollout_from(a), root->slot) &&
	       revision_declares(a->rollout->target, root->slot);
}

/* Both would have it, and a drain of its zhost takes it: a step leaves it as it is, and does not count it. When the drain ends,
 * it is as it was [change.rollout.canary]. */
static bool is_drained(const struct control_application *a, const struct slot_control *root)
{
	return root->slot->each && !stays(a, root) &&
	       revision_declares_undrained(rollout_from(a), root->slot) &&
	       revision_declares_undrained(a->rollout->target, root->slot);
}

static const struct space *space_of(const struct control_application *a,
				    const struct slot_control *root)
{
	return declarations_of(a->rollout->target->declared, root->slot)->space;
}

static bool stops_first(const struct control_application *a, const struct slot_control *root)
{
	return handover_renames(root->slot, rollout_from(a), a->rollout->target) ||
	       handover_kind_of(root->slot, rollout_from(a)) == HANDOVER_STOP_FIRST ||
	       handover_kind_of(root->slot, a->rollout->target) == HANDOVER_STOP_FIRST;
}

static enum rollout_turn turn_of(const struct control_application *a,
				 const struct slot_control *root, uint32_t number)
{
	const struct rollout *r = &a->rollout->rollout;
	uint32_t count = revision_unit_count(a, a->rollout->target, space_of(a, root));
	if (!changes(a, root))
		return TURN_NOW;
	if (stops_first(a, root) || number >= rollout_spec_share(&r->spec, r->step, count))
		return TURN_LATER;
	return count == 1 ? TURN_SHARES : TURN_NOW;
}

void rollout_set_turns(struct control_application *a)
{
	uint32_t *seen = mem_new_array(uint32_t, a->rollout->target->topology->space_count);
	bool in_steps = rollout_is_in_steps(&a->rollout->rollout);
	CLEANUP(freep) struct slot_control **ordered = rollout_units(a);
	for (size_t k = 0; ordered[k] != NULL; k++) {
		struct slot_control *root = ordered[k];
		root->turn = TURN_NOW;
		if (in_steps && stays(a, root))
			root->turn = turn_of(a, root, seen[space_of(a, root)->index]++);
		else if (in_steps && changes(a, root) && is_drained(a, root))
			root->turn = TURN_LATER;
	}
	free(seen);
}

bool rollout_shares(const struct slot_control *root)
{
	const struct application_rollout *r = application_of(root->slot)->rollout;
	return root->turn == TURN_SHARES && root->handover != NULL && r != NULL &&
	       root->handover->revision == r->target && r->rollout.state != ROLLOUT_RETURNING;
}

bool rollout_steps_have_ended(const struct control_application *a)
{
	if (!rollout_is_in_steps(&a->rollout->rollout))
		return true;
	for_each_root (a, root)
		if (stays(a, root) && changes(a, root))
			return false;
	return true;
}

bool rollout_has_shares(const struct control_application *a)
{
	return rollout_is_in_steps(&a->rollout->rollout) &&
	       a->rollout->rollout.state != ROLLOUT_RETURNING;
}

static bool is_shared(const struct control_application *a, const struct slot_control *root)
{
	const struct copy *copy = serving_copy(root);
	const struct unit_placement *next = unit_of(root->of_path->next);
	return (copy != NULL && copy->unit->revision == a->rollout->target) ||
	       (next != NULL && next->placement.role == ROLE_SHARING);
}

/* The root space of the unit that a space belongs to. */
static const struct space *root_space(const struct topology *t, const struct space *space)
{
	while (space->parent >= 0)
		space = &t->spaces[space->parent];
	return space;
}

uint32_t rollout_permille(const struct control_application *a, uint32_t space)
{
	const struct topology *t = a->rollout->target->topology;
	const struct rollout *r = &a->rollout->rollout;
	const struct space *of = root_space(t, &t->spaces[space]);
	uint32_t shared = 0,
		 share = rollout_spec_share(&r->spec, r->step,
					    revision_unit_count(a, a->rollout->target, of));
	for_each_root (a, root)
		if (stays(a, root) && space_of(a, root) == of && changes(a, root) &&
		    is_shared(a, root))
			shared++;
	if (shared > share)
		shared = share;
	return r->spec.steps[r->step] * 10 * shared / share;
}

char *rollout_step_text(const struct control_application *a)
{
	const struct rollout *r = &a->rollout->rollout;
	CLEANUP(freep) char *time = duration_format((uint64_t)r->spec.promote_after_ms);
	return str_printf("step %u of %u, waiting for topo promote%s%s", r->step + 1,
			  r->spec.step_count,
			  r->spec.promotes ? ", or until everything was healthy for " : "",
			  r->spec.promotes ? time : "");
}
