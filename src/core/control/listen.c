/*
 * What the life cycle tells control: each move becomes an event and marks what has to be
 * written, sent and derived again.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

bool instance_is_troubled(const struct instance *i)
{
	const struct instance *root = instance_root((struct instance *)i);
	if (i->goal != GOAL_DEPLOYED_STARTED || root->evacuating)
		return false;
	return (i->placed_before && i->no_place) || i->gave_up;
}

void update_trouble(struct instance *i)
{
	struct deployment *d = deployment_of(i);
	bool troubled = instance_is_troubled(i);
	if (troubled == i->troubled)
		return;
	i->troubled = troubled;
	d->troubles += troubled ? 1u : 0u;
	d->troubles -= troubled ? 0u : 1u;
	deployment_mark_state(d);
}

static void on_moved(void *user, struct instance *i, enum instance_state from,
		     const char *cause)
{
	struct control *c = user;
	struct deployment *d = deployment_of(i);
	c->count.moves++;
	CLEANUP(freep) char *subject = str_printf("%s/%s", d->name, instance_decl(i)->path);
	emit_event(c, "space", subject, state_name(from), state_name(i->state), d->id, cause);
	mark_instance(i, MARK_RECORD);
	deployment_mark_state(d);
	if (from == STATE_DEPLOYED_STARTED || i->state == STATE_DEPLOYED_STARTED)
		tables_mark(i);
	if (from == STATE_DEPLOYED_STARTED)
		instance_set_exports(i, NULL, 0);
}

static void on_ordered(void *user, struct instance *i)
{
	(void)user;
	mark_instance(i, MARK_RECORD | MARK_ORDER);
	update_trouble(i);
}

static void on_goal_changed(void *user, struct instance *i, enum instance_goal from)
{
	struct deployment *d = deployment_of(i);
	(void)user;
	mark_instance(i, MARK_RECORD);
	update_trouble(i);
	deployment_mark_state(d);
	/* One without a place is tried again: at least its reason is wanted now. */
	if (i->no_place || (instance_parent(i) == NULL &&
			    (from == GOAL_NOT_DEPLOYED || i->goal == GOAL_NOT_DEPLOYED)))
		deployment_mark_place(d);
}

static void on_gone(void *user, struct instance *i)
{
	(void)user;
	placing_gone(i);
}

static void on_imports_changed(void *user, struct application *app, unsigned space)
{
	struct deployment *d = app->owner;
	(void)user;
	if (d->importer_marked[space])
		return;
	d->importer_marked[space] = true;
	deployment_mark_importers(d);
}

const struct lifecycle_listener control_listener = {
	.moved = on_moved,
	.ordered = on_ordered,
	.goal_changed = on_goal_changed,
	.gone = on_gone,
	.imports_changed = on_imports_changed,
};
