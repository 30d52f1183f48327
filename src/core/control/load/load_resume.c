#include "core/control/load/load_resume.h"

#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/rules.h"

/* Started, and about to stop, but others inside of it have to stop first: it lacks a provider, or a child
 * waits for it. If it stays, they are evaluated again. */
static bool was_closing(const struct slot *s)
{
	if (s->state != STATE_DEPLOYED_STARTED)
		return false;
	if (slot_lost_import(s) != NULL)
		return true;
	slot_for_each_child (s, child)
		if (child->state == STATE_WAITING_FOR_ANCESTOR)
			return true;
	return false;
}

/* One that was about to stop without a reason of its own: its parent was. The children first. */
static void restore_closing_above(const struct control_application *a)
{
	for (size_t k = a->slots.slots.count; k-- > 0;) {
		const struct slot *s = a->slots.slots.items[k];
		if (s->closing && s->parent != NULL &&
		    s->parent->state == STATE_DEPLOYED_STARTED &&
		    slot_effective_goal(s) == GOAL_DEPLOYED_STARTED &&
		    slot_lost_import(s) == NULL)
			s->parent->closing = true;
	}
}

/* What is inside of those stops, too, whether anything waits there or not. */
static void restore_closing_below(const struct control_application *a)
{
	vector_for_each (&a->slots.slots, s)
		if ((*s)->state == STATE_DEPLOYED_STARTED && (*s)->parent != NULL &&
		    !slot_is_up((*s)->parent))
			(*s)->closing = true;
}

void load_resume(struct control_application *a)
{
	slot_list stopping = {0};
	/* All of them first: importers look at those of providers. */
	vector_for_each (&a->slots.slots, s)
		slot_publish_facts(control_of_slot(*s));
	vector_for_each (&a->slots.slots, item) {
		struct slot *s = *item;
		struct slot_control *sc = control_of_slot(s);
		topology_state_count(sc);
		if (state_is_active(s->state) &&
		    (s->goal != GOAL_DEPLOYED_STARTED || s->root->yields))
			vector_push(&stopping, s);
		s->closing = was_closing(s);
		/* What is on a zhost waits for that zhost's report. */
		if (!slot_is_placed(sc))
			lifecycle_push(s);
	}
	restore_closing_above(a);
	restore_closing_below(a);
	if (stopping.count > 0)
		ordered_stop_begin(&a->slots, stopping.items, stopping.count);
	vector_done(&stopping);
	mark_application(a, APPLICATION_STATE | APPLICATION_PLACE | APPLICATION_UNLOAD);
}
