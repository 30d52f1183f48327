#include "core/control/placement/lifecycle_observer.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"

/* It has started, or is asked for something else: that it was out of attempts is over. */
static void succeeded(struct slot_control *sc)
{
	sc->still_failed = false;
	topology_state_count(sc);
}

static void on_moved(struct lifecycle *l, struct slot *s, enum instance_state from,
		     const char *cause)
{
	struct control_application *a = application_of(s);
	struct slot_control *sc = control_of_slot(s);
	struct copy *copy = serving_copy(sc);
	a->control->count.moves++;
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, s->path);
	emit_event(&a->control->emitter, "space", subject, state_name(from),
		   state_name(s->state), a->id, cause);
	mark_slot(sc);
	mark_application(a, APPLICATION_STATE | APPLICATION_HANDOVER);
	if (from == STATE_DEPLOYED_STARTED || s->state == STATE_DEPLOYED_STARTED)
		mesh_tables_mark(sc);
	if (s->state == STATE_DEPLOYED_STARTED)
		succeeded(sc);
	else if (from == STATE_DEPLOYED_STARTED)
		topology_state_count(sc);
	if (copy == NULL)
		return;
	if (s->state == STATE_DEPLOYING && copy->undeploy_failed) {
		copy->undeploy_failed = false;
		slot_publish_facts(sc);
	}
	copy_set_active(copy, state_is_active(s->state));
	mark_copy(copy, COPY_RECORD);
	if (from == STATE_DEPLOYED_STARTED)
		copy_set_exports(copy, NULL, 0);
}

static void on_target(struct lifecycle *l, struct slot *s, enum instance_target target)
{
	struct copy *copy = serving_copy(control_of_slot(s));
	if (copy == NULL || copy->target == target)
		return;
	copy_order(copy, target);
	topology_state_count(copy->sc);
}

static void on_retry(struct lifecycle *l, struct slot *s)
{
	struct copy *copy = serving_copy(control_of_slot(s));
	if (copy == NULL)
		return;
	copy->retry_generation++;
	copy->exhausted = false;
	copy->undeploy_failed = false;
	copy->retry_at_ms = 0;
	copy->failures = 0;
	copy->sc->still_failed = false;
	mark_slot(copy->sc);
	slot_publish_facts(copy->sc);
	copy_order(copy, copy->target);
	topology_state_count(copy->sc);
	copy->forgiven = copy->generation;
}

static void on_goal_changed(struct lifecycle *l, struct slot *s, enum instance_goal from)
{
	struct slot_control *sc = control_of_slot(s);
	sc->placed_again = sc->still_failed = false;
	slot_publish_facts(sc);
	mark_slot(sc);
	if (s->parent == NULL)
		unit_review_leaving(control_of(s), sc);
	/* One without a place is tried again: at least its reason is wanted now. */
	if (sc->no_place ||
	    (s->parent == NULL && (from == GOAL_NOT_DEPLOYED || s->goal == GOAL_NOT_DEPLOYED)))
		placement_seek(sc);
	topology_state_count(sc);
	mark_application(application_of(s), APPLICATION_STATE | APPLICATION_HANDOVER);
}

static void on_gone(struct lifecycle *l, struct slot *s)
{
	struct slot_control *sc = control_of_slot(s);
	struct copy *copy = serving_copy(sc);
	if (copy != NULL) {
		copy->retry_at_ms = 0;
		copy->exhausted = false;
		slot_publish_facts(sc);
		on_target(l, s, TARGET_NONE);
	}
	placement_gone(control_of(s), sc);
}

static void on_imports_changed(struct lifecycle *l, struct slot_set *set, uint32_t space)
{
	struct control_application *a = container_of(set, struct control_application, slots);
	a->importers_changed.items[space] = true;
	mark_application(a, APPLICATION_IMPORTERS | APPLICATION_HANDOVER);
}

const struct lifecycle_observer control_observer = {
	.on_moved = on_moved,
	.on_target = on_target,
	.on_retry = on_retry,
	.on_goal_changed = on_goal_changed,
	.on_gone = on_gone,
	.on_imports_changed = on_imports_changed,
};
