#include "core/control/placement/placement_assign.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/slot_names.h"
#include "core/control/slot/unit_members.h"
#include "core/control/state/loss.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"
#include "core/control/state/unit_devices.h"
#include "core/lifecycle/rules.h"

static void emit_placement(struct control *c, const struct slot_control *root,
			   const struct control_zhost *to, bool leaves)
{
	const struct control_application *a = application_of(root->slot);
	const struct control_zhost *from = slot_zhost(root);
	const char *cause = "placed";
	if (leaves)
		from = root->last_zhost;
	if (root->lost)
		cause = "re-placed: its zhost was lost";
	else if (leaves)
		cause = "re-placed: its attempts there were used up";
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, root->slot->path);
	emit_event(&c->emitter, "placement", subject, from != NULL ? from->name : NULL,
		   to->name, a->id, cause);
}

/* One copy of the unit, under a new epoch: it writes from now on. */
static void assign_copy(struct control *c, struct unit_placement *unit,
			struct revision *revision, struct slot_control *sc, uint64_t epoch,
			bool again)
{
	const struct declaration *declared = declarations_of(revision->declared, sc->slot);
	struct copy *copy = unit_copy_new(unit, revision, sc->of_path, sc, epoch,
					  declared->space->exclusive);
	slot_copy_set_writer(&copy->of_slot);
	copy->generation = 1;
	sc->lost = sc->no_place = sc->still_failed = false;
	sc->placed_before = true;
	sc->placed_again = again;
	slot_publish_facts(sc);
	mark_copy(copy, COPY_RECORD);
	mark_slot(sc);
	topology_state_count(sc);
	lifecycle_push(sc->slot);
}

void placement_assign(struct control *c, struct slot_control *root, struct control_zhost *z,
		      bool leaves)
{
	struct control_application *a = application_of(root->slot);
	bool again = root->lost || leaves;
	/* What was lost has held up a change, and does no longer. */
	mark_application(a, APPLICATION_ROLLOUT);
	unit_forget_leaving(c, root);
	slot_names_follow(c, root, root->place_revision, "placed");
	emit_placement(c, root, z, leaves);
	loss_forget(c, root);
	unit_supersede(c, root);
	struct unit_placement *unit = unit_placement_new(
		a, root->place_revision, z, c->next_epoch, root->place_unit, ROLE_SERVING);
	slot_for_each_below (root->slot, s) {
		if (declarations_of(unit->revision->declared, s) != NULL)
			assign_copy(c, unit, unit->revision, control_of_slot(s),
				    c->next_epoch++, again);
		else
			slot_left_out(control_of_slot(s));
	}
	unit_devices_given(c, unit);
	handover_re_placed(c, root, z);
}

void placement_extend(struct control *c, struct slot_control *root, struct revision *revision)
{
	struct unit_placement *unit = unit_of(root->of_path->serving);
	slot_names_follow(c, root, revision, "placed");
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		if (sc->of_path->serving == NULL &&
		    declarations_of(revision->declared, s) != NULL)
			assign_copy(c, unit, revision, sc, c->next_epoch++, false);
	}
}

void placement_lost(struct control *c, struct copy *copy)
{
	struct slot_control *sc = copy->sc;
	copy->unit->lost = true;
	sc->lost = true;
	copy->exhausted = false;
	copy->retry_at_ms = 0;
	copy->undeploy_failed = false;
	copy_lose_target(copy);
	copy->sent_epoch = 0;
	slot_publish_facts(sc);
	mark_copy(copy, COPY_RECORD);
	mark_slot(sc);
	topology_state_count(sc);
	if (sc->slot->parent == NULL && !sc->slot->moving) {
		loss_begin(c, sc, c->now.mono_ms - copy_zhost(copy)->heard_ms);
		place_remove(c->place, sc->place_unit);
		mark_application(application_of(sc->slot), APPLICATION_PLACE);
	}
	if (sc->slot->state != STATE_NOT_DEPLOYED)
		slot_move(sc->slot, STATE_NOT_DEPLOYED, false, "zhost lost");
	else
		lifecycle_push(sc->slot);
}

void placement_adopt(struct control *c, struct copy *copy)
{
	struct unit_placement *unit = copy->unit;
	if (!unit->lost)
		return;
	unit->lost = false;
	vector_for_each (&unit->placement.copies, item) {
		struct copy *below = container_of(*item, struct copy, of_slot);
		struct slot_control *sc = below->sc;
		sc->lost = sc->no_place = false;
		loss_forget(c, sc);
		copy_set_ends_by(c, below, 0);
		slot_publish_facts(sc);
		mark_copy(below, COPY_RECORD);
		mark_slot(sc);
		topology_state_count(sc);
		lifecycle_push(sc->slot);
	}
	unit_devices_name(c, unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
	unit_place_restored(c, unit);
	mark_application(unit->application, APPLICATION_PLACE);
}
