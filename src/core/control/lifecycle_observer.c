#include "core/control/lifecycle_observer.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/mesh_tables.h"
#include "core/control/placement.h"
#include "core/control/residence.h"
#include "core/control/state.h"
#include "core/control/topology_state.h"

static void on_moved(struct lifecycle *l, struct slot *s, enum instance_state from,
		     const char *cause)
{
	struct deployment *d = deployment_of(s);
	struct copy *copy = copy_of(s);
	d->control->count.moves++;
	CLEANUP(freep) char *subject = str_printf("%s/%s", d->name, s->path);
	emit_event(&d->control->emitter, "space", subject, state_name(from),
		   state_name(s->state), d->id, cause);
	if (s->state == STATE_DEPLOYING && copy->undeploy_failed) {
		copy->undeploy_failed = false;
		copy_publish_facts(copy);
	}
	copy_set_active(d->control, copy, state_is_active(s->state));
	mark_copy(copy, COPY_RECORD);
	mark_deployment(d, DEPLOYMENT_STATE);
	if (from == STATE_DEPLOYED_STARTED || s->state == STATE_DEPLOYED_STARTED)
		mesh_tables_mark(copy);
	if (from == STATE_DEPLOYED_STARTED)
		copy_set_exports(copy, NULL, 0);
}

/* Something else is asked of it: its zhost is to get it. */
static void ordered(struct copy *copy)
{
	copy->generation++;
	mark_copy(copy, COPY_RECORD | COPY_ORDER);
	topology_state_count(copy);
}

static void on_target(struct lifecycle *l, struct slot *s, enum instance_target target)
{
	struct copy *copy = copy_of(s);
	if (copy->target == target)
		return;
	copy->target = (uint8_t)target;
	ordered(copy);
}

static void on_retry(struct lifecycle *l, struct slot *s)
{
	struct copy *copy = copy_of(s);
	copy->retry_generation++;
	copy->exhausted = false;
	copy->undeploy_failed = false;
	copy->retry_at_ms = 0;
	copy->failures = 0;
	copy_publish_facts(copy);
	ordered(copy);
}

static void on_goal_changed(struct lifecycle *l, struct slot *s, enum instance_goal from)
{
	struct deployment *d = deployment_of(s);
	struct copy *copy = copy_of(s);
	copy->placed_again = false;
	copy_publish_facts(copy);
	mark_copy(copy, COPY_RECORD);
	/* One without a place is tried again: at least its reason is wanted now. */
	if (copy->no_place ||
	    (s->parent == NULL && (from == GOAL_NOT_DEPLOYED || s->goal == GOAL_NOT_DEPLOYED)))
		placement_seek(copy);
	topology_state_count(copy);
	mark_deployment(d, DEPLOYMENT_STATE);
}

static void on_gone(struct lifecycle *l, struct slot *s)
{
	struct copy *copy = copy_of(s);
	copy->retry_at_ms = 0;
	copy->exhausted = false;
	copy_publish_facts(copy);
	on_target(l, s, TARGET_NONE);
	placement_gone(control_of(s), copy);
}

static void on_imports_changed(struct lifecycle *l, struct slot_set *set, uint32_t space)
{
	struct deployment *d = container_of(set, struct deployment, slots);
	d->importers_changed[space] = true;
	mark_deployment(d, DEPLOYMENT_IMPORTERS);
}

const struct lifecycle_observer control_observer = {
	.on_moved = on_moved,
	.on_target = on_target,
	.on_retry = on_retry,
	.on_goal_changed = on_goal_changed,
	.on_gone = on_gone,
	.on_imports_changed = on_imports_changed,
};
