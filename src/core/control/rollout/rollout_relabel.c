#include "core/control/rollout/rollout_relabel.h"

#include "core/control/handover/handovers.h"
#include "core/control/placement/placement_assign.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/unit_members.h"
#include "core/control/slot/wants.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/lifecycle/rules.h"

static uint32_t instance_in(const struct revision *wanted, const struct slot_control *root)
{
	return (uint32_t)declarations_instance(wanted->declared, root->slot);
}

/* From now on it is one of that revision. */
static void copy_follow(struct copy *copy, struct revision *revision)
{
	copy_set_revision(copy, revision);
	import_lists_release(copy); /* its imports may have another patience */
	copy->declared = declarations_of(revision->declared, copy->sc->slot);
	slot_publish_facts(copy->sc);
}

/* What does not reach its process takes effect. False: its place does not satisfy that revision. */
static bool relabel(struct control *c, struct slot_control *root, struct revision *wanted)
{
	struct unit_placement *unit = unit_of(root->of_path->serving);
	if (unit == NULL || unit->revision == wanted || !revision_declares(wanted, root->slot))
		return true;
	if (unit_change(root, wanted) == UNIT_SHRINKS || unit_loses_members(unit)) {
		/* It has the room of those that go, too, until they are gone. */
		if (place_where(c->place, unit->place_unit) != PLACE_NONE &&
		    !place_unit_may_stay(c->place, unit->place_unit, wanted->place,
					 instance_in(wanted, root)))
			return false;
	} else if (!unit_take_room(c, root, wanted)) {
		return false;
	}
	unit_set_revision(unit, wanted);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		mark_copy(copy, COPY_RECORD);
		if (declarations_of(wanted->declared, copy->sc->slot) == NULL) {
			copy_follow(copy,
				    unit->room); /* it goes, and has its room until then */
			continue;
		}
		copy_follow(copy, wanted);
		copy->sent_epoch = 0;
		if (!unit->lost)
			copy_order(copy, (enum instance_target)copy->target);
		mark_copy(copy, COPY_RECORD);
		mesh_tables_mark(copy->sc);
		lifecycle_push(copy->sc->slot);
	}
	return true;
}

static void begin_move(struct control *c, struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	struct revision *wanted = rollout_wanted(a);
	bool returns = a->rollout->rollout.state == ROLLOUT_RETURNING;
	if (rollout_can_change(root))
		handover_start_change(c, root, wanted, handover_kind_of_change(root, wanted),
				      returns, false,
				      returns ? "back to a place that fits the former version"
					      : "its place does not fit the new version");
}

/* Members that are new join it in place, where its zhost has the room. */
static void extend(struct control *c, struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	struct revision *wanted = rollout_wanted(a);
	const struct unit_placement *unit = unit_of(root->of_path->serving);
	bool early = root->turn == TURN_LATER && a->rollout->rollout.state != ROLLOUT_RETURNING;
	if (early || unit == NULL || unit->lost || !revision_declares(wanted, root->slot) ||
	    unit_change(root, wanted) != UNIT_GROWS || !rollout_can_change(root) ||
	    unit_loses_members(unit))
		return;
	place_wait_end(c->place, application_of(root->slot)->ticket);
	mark_application(application_of(root->slot), APPLICATION_PLACE);
	if (unit_take_room(c, root, wanted)) {
		placement_extend(c, root, wanted);
		/* Where nothing of it is to start, nothing else would show that it is current. */
		mark_application(application_of(root->slot), APPLICATION_ROLLOUT);
	} else {
		begin_move(c, root);
	}
}

void rollout_extend(struct control *c, struct control_application *a)
{
	for_each_root (a, root)
		extend(c, root);
}

/* Waiting units are judged again afterwards. */
static void stop_waiting(struct control *c, struct control_application *a)
{
	place_wait_end(c->place, a->ticket);
	mark_application(a, APPLICATION_PLACE);
}

void rollout_begin_moves(struct control *c, struct control_application *a)
{
	const struct revision *wanted = rollout_wanted(a);
	if (a->rollout->moves_begun)
		return;
	a->rollout->moves_begun = true;
	stop_waiting(c, a);
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		if (unit == NULL || unit->revision == wanted || unit->lost ||
		    !revision_declares(wanted, root->slot) ||
		    !rollout_is_current(root, wanted) || !rollout_can_change(root))
			continue;
		if (!place_unit_may_stay(c->place, unit->place_unit, wanted->place,
					 instance_in(wanted, root)))
			begin_move(c, root);
	}
}

bool rollout_relabel(struct control *c, struct control_application *a)
{
	bool all = true;
	stop_waiting(c, a);
	for_each_root (a, root) {
		if (relabel(c, root, rollout_wanted(a)))
			continue;
		all = false;
		begin_move(c, root);
	}
	return all;
}

void rollout_rebase_unplaced(struct control *c, struct control_application *a)
{
	place_wait_end(c->place, a->ticket);
	mark_application(a, APPLICATION_PLACE);
	for_each_root (a, root) {
		if (root->of_path->serving != NULL || root->slot->moving)
			continue;
		unit_rebase(c, root);
		slot_for_each_below (root->slot, s) {
			slot_publish_facts(control_of_slot(s));
			lifecycle_push(s);
		}
	}
}
