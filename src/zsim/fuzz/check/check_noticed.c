#include "zsim/fuzz/check/check_noticed.h"

#include "core/control/checkpoint/checkpoint.h"
#include "core/control/slot/wants.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_reload.h"
#include "zsim/fuzz/check/check_checkpoint.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/simulation.h"

/* A copy of the core takes as long as some steps of it. */
#define LOOKS_EVERY 8

/* Of a copy: the one that runs is left as it is. */
static void look_once_more(struct control *copy)
{
	application_for_each (&copy->applications, a) {
		for_each_root (a, root)
			unit_reload_mark(root);
		mark_application(a, APPLICATION_ROLLOUT | APPLICATION_HANDOVER |
					    APPLICATION_PLACE | APPLICATION_STATE);
	}
}

/* What its zhost has not said is looked at when it does. */
static enum reload_need need_of(const struct slot_control *root)
{
	return root->reload != NULL && !root->lost && root->reload->need != RELOAD_UNHEARD
		       ? root->reload->need
		       : RELOAD_EQUAL;
}

/* New values have to stand still first: no event says that they were not noticed. */
static void check_values(struct fuzz *f, const struct control *copy)
{
	application_for_each (&copy->applications, a) {
		const struct control_application *own =
			application_by_id(&f->world.control->applications, a->id);
		for_each_root (a, root) {
			const struct slot *s = slot_find(&own->slots, root->slot->path);
			if (s != NULL && need_of(control_of_slot(s)) != need_of(root))
				world_violate(&f->world,
					      "another value of env of %s/%s was not noticed "
					      "before",
					      a->name, root->slot->path);
		}
	}
}

/* What is marked at rest is looked at with the next message only, which is recorded only where something follows from it. */
static void check_nothing_is_due(struct fuzz *f, const struct control *control)
{
	if (control->drains_due)
		world_violate(&f->world, "at rest drains are still due to be looked at");
	if (control->rebalance_due)
		world_violate(&f->world, "at rest a rebalance is still due to be looked at");
}

void check_noticed(struct fuzz *f)
{
	struct outbox outbox;
	const struct control *control = f->world.control;
	CLEANUP(freep) char *left = NULL;
	bool looks = f->rests++ % LOOKS_EVERY == 0;
	if (f->world.violation != NULL || control == NULL || f->world.zrms_dies ||
	    control_loop_is_due(f->world.commits))
		return;
	left = world_in_flight(&f->world);
	if (left != NULL)
		return;
	check_nothing_is_due(f, control);
	if (!looks || f->world.violation != NULL)
		return;
	struct control *copy = checkpoint_copy(f);
	if (copy == NULL)
		return;
	outbox_init(&outbox);
	look_once_more(copy);
	control_flush(copy, world_instant(&f->world), &outbox);
	vector_for_each (&outbox.events, e)
		world_violate(&f->world, "%s %s: %s -> %s (%s) was not noticed before",
			      (*e)->kind, (*e)->subject, (*e)->from, (*e)->to, (*e)->cause);
	check_values(f, copy);
	outbox_clear(&outbox);
	outbox_done(&outbox);
	control_free(copy);
}
