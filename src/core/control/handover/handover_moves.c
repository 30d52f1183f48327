#include "core/control/handover/handover_moves.h"

#include "base/check.h"
#include "core/control/handover/handover_events.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/rules.h"

/* Every zhost that can be reached is to know the new routes before the incumbent is told to go; one that is not
 * heard at all is lost by then. `waits`: some do not say when they do. */
static void set_drain(const struct control *c, struct unit_handover *h, uint64_t route_version,
		      bool waits)
{
	h->route_version = route_version;
	handover_set_drain(&h->handover, waits ? c->now.mono_ms + c->config.heartbeat_ms : 0,
			   c->now.mono_ms + c->config.failure_timeout_ms);
}

static struct unit_placement *retired_unit(const struct control_application *a, uint64_t epoch)
{
	vector_for_each (&a->retired, unit)
		if ((*unit)->epoch == epoch)
			return *unit;
	return NULL;
}

static void set_yields(struct slot_control *root, bool yields)
{
	if (root->slot->yields == yields)
		return;
	root->slot->yields = yields;
	slot_for_each_below (root->slot, s) {
		if (!yields && s->goal == GOAL_DEPLOYED_STARTED)
			ordered_stop_leave(s); /* it is wanted again */
		lifecycle_push(s);
	}
}

/* Its zhost is told that it serves no longer; it goes on. */
static void set_draining(struct unit_placement *unit)
{
	unit->draining = unit->answered = true;
	vector_for_each (&unit->placement.copies, item)
		mark_copy(container_of(*item, struct copy, of_slot), COPY_ORDER);
}

/* What has handed over is told to go, if it is there still. */
static void stop_draining(struct slot_control *root)
{
	struct control_application *a = application_of(root->slot);
	struct unit_placement *unit = retired_unit(a, root->handover->handover.leaving);
	if (unit == NULL)
		return;
	unit->draining = false;
	mark_application(a, APPLICATION_UNLOAD);
}

static void drop_beside(struct control *c, const struct slot_copy *copy)
{
	struct unit_placement *unit = unit_of(copy);
	if (unit != NULL)
		unit_drop_beside(c, unit);
}

/* The successor serves; the incumbent leaves, or stands by. */
static void hand_over(struct control *c, struct slot_control *root, enum placement_role leaves)
{
	struct unit_handover *h = root->handover;
	const struct unit_placement *from = unit_of(root->of_path->serving);
	uint64_t epoch = from != NULL ? from->epoch : 0;
	unit_switch(c, root, unit_of(root->of_path->next), leaves, h->cause);
	bool stays = leaves == ROLE_STANDBY || root->of_path->kept != NULL;
	h->handover.leaving = stays ? 0 : epoch;
}

static void hand_back(struct control *c, struct slot_control *root)
{
	const struct unit_placement *failed = unit_of(root->of_path->serving);
	uint64_t epoch = failed != NULL ? failed->epoch : 0;
	unit_switch(c, root, unit_of(root->of_path->standby), ROLE_RETIRED,
		    "its successor has failed");
	root->handover->handover.leaving = epoch;
}

/* From then on nobody takes it back. */
static void drop_remembering(struct control *c, struct slot_control *root,
			     const struct slot_copy *copy)
{
	const struct unit_placement *unit = unit_of(copy);
	if (unit == NULL)
		return;
	root->handover->handover.leaving = unit->epoch;
	drop_beside(c, copy);
}

static void enter_retiring(struct control *c, struct slot_control *root)
{
	struct unit_handover *h = root->handover;
	if (handover_is_before_switch(&h->handover))
		hand_over(c, root, h->keeps ? ROLE_KEPT : ROLE_RETIRED);
	else if (handover_is_between(&h->handover))
		drop_remembering(c, root, root->of_path->standby);
	stop_draining(root);
}

/* A successor is not wanted, or lost; the incumbent serves. */
static void end_successor(struct control *c, struct slot_control *root)
{
	if (handover_is_between(&root->handover->handover))
		hand_back(c, root);
	else
		drop_remembering(c, root, root->of_path->next);
}

static void enter_draining(struct control *c, struct slot_control *root)
{
	struct unit_handover *h = root->handover;
	hand_over(c, root, ROLE_RETIRED);
	struct unit_placement *leaving =
		retired_unit(application_of(root->slot), h->handover.leaving);
	if (leaving != NULL)
		set_draining(leaving);
	const struct control_application *a = application_of(root->slot);
	set_drain(c, h, mesh_tables_next_version(a), mesh_tables_has_silent(a));
}

/* It serves beside the one that serves. */
static void enter_sharing(struct unit_placement *unit)
{
	placement_set_role(&unit->placement, ROLE_SHARING);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		mark_copy(copy, COPY_RECORD | COPY_ORDER);
		mesh_tables_mark(copy->sc);
	}
}

void handover_move(struct control *c, struct slot_control *root, enum handover_state to)
{
	struct unit_handover *h = root->handover;
	bool yields = to == HANDOVER_STOPPING || to == HANDOVER_RETURNING;
	switch (to) {
	case HANDOVER_PLACING:
		end_successor(c, root);
		break;
	case HANDOVER_REMOVING:
		handover_emit_failure(c, root);
		end_successor(c, root);
		break;
	case HANDOVER_STARTING:
		hand_over(c, root, ROLE_STANDBY);
		break;
	case HANDOVER_DRAINING:
		enter_draining(c, root);
		break;
	case HANDOVER_SHARING:
		enter_sharing(unit_of(root->of_path->next));
		break;
	case HANDOVER_RETIRING:
		enter_retiring(c, root);
		break;
	case HANDOVER_RISING:
	case HANDOVER_PREPARING:
		unit_review_leaving(c, root); /* it serves for a while yet */
		break;
	case HANDOVER_STOPPING:
	case HANDOVER_PROVING:
	case HANDOVER_READY:
	case HANDOVER_RETURNING:
	case HANDOVER_DONE:
		break;
	}
	if (h->reloads != 0 &&
	    (to == HANDOVER_RETIRING || to == HANDOVER_REMOVING || to == HANDOVER_RETURNING))
		root->reloaded = h->reloads; /* it is not tried for these once more */
	handover_enter(&h->handover, to);
	set_yields(root, yields);
	mark_slot(root);
	mark_application(application_of(root->slot), APPLICATION_STATE | APPLICATION_ROLLOUT);
	/* A place for another successor; or the copy that serves has used up its attempts meanwhile. */
	mark_application(application_of(root->slot), APPLICATION_PLACE);
	slot_for_each_below (root->slot, s)
		topology_state_count(control_of_slot(s));
}

/* ---- beginning and end without a move ---- */

void handover_resume(struct control *c, struct slot_control *root)
{
	struct unit_handover *h = root->handover;
	const struct control_application *a = application_of(root->slot);
	enum handover_state state = h->handover.state;
	if (state == HANDOVER_DRAINING) /* zhosts come back first, and get the table */
		set_drain(c, h, mesh_tables_next_version(a) - 1, true);
	root->slot->yields = state == HANDOVER_STOPPING || state == HANDOVER_RETURNING;
	struct unit_placement *leaving = retired_unit(a, h->handover.leaving);
	if (leaving == NULL)
		return;
	leaving->draining = state == HANDOVER_DRAINING;
	leaving->answered = h->handover.kind == HANDOVER_START_FIRST &&
			    (state == HANDOVER_DRAINING || state == HANDOVER_RETIRING);
}

void handover_let_go(struct control *c, struct slot_control *root)
{
	set_yields(root, false);
	stop_draining(root);
	drop_beside(c, root->of_path->next);
	drop_beside(c, root->of_path->standby);
}

void handover_leave(struct slot_control *root)
{
	const struct handover *h = &root->handover->handover;
	struct unit_placement *unit = retired_unit(application_of(root->slot), h->leaving);
	if (unit != NULL)
		unit->answered = false;
	if (h->kind == HANDOVER_START_FIRST)
		slot_for_each_below (root->slot, s)
			mesh_tables_mark(control_of_slot(s));
}
