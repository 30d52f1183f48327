#include "core/control/relocate/disruption.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/placement/placement.h"
#include "core/control/slot/wants.h"
#include "core/control/state/state.h"
#include "core/lifecycle/goal.h"

/* Its new copy has not taken over yet, or has to prove itself. */
static bool is_handed_over(const struct slot_control *root)
{
	return root->handover != NULL && root->handover->handover.state != HANDOVER_RETIRING;
}

/* It holds a turn. */
static bool is_shared(const struct slot_control *root)
{
	return root->handover->drains || root->handover->rebalances;
}

static uint32_t under_way(const struct control *c)
{
	uint32_t count = 0;
	application_for_each (&c->applications, a)
		vector_for_each (&a->handovers, root)
			count += is_shared(*root) && is_handed_over(*root);
	return count;
}

static uint32_t units_at_a_time(const struct control *c)
{
	return c->config.drain_units > 0 ? c->config.drain_units : DRAIN_UNITS_DEFAULT;
}

struct tally tally_begin(const struct control *c)
{
	return (struct tally){.under_way = under_way(c)};
}

void tally_add(struct tally *tally)
{
	tally->under_way++;
	tally->application = NULL;
}

char *turns_taken(const struct control *c, const struct tally *tally)
{
	if (tally->under_way < units_at_a_time(c))
		return NULL;
	uint32_t count = units_at_a_time(c);
	return str_printf("waits for its turn: %u unit%s %s handed over at a time", count,
			  str_plural(count), str_are(count));
}

static bool serves_space(const struct slot_control *root, const char *space)
{
	slot_for_each_below (root->slot, s)
		if (s->goal == GOAL_DEPLOYED_STARTED && s->state == STATE_DEPLOYED_STARTED &&
		    str_equal(slot_declared_space(s)->name, space))
			return true;
	return false;
}

/* What a change adds is no instance of its space before its first placement. */
static bool is_to_run(const struct slot *s, const char *space)
{
	return s->goal == GOAL_DEPLOYED_STARTED && !s->unplaced &&
	       str_equal(slot_declared_space(s)->name, space);
}

static void count_unavailable(struct tally *tally, const struct control_application *a,
			      const char *space)
{
	if (tally->application == a && str_equal(tally->space, space))
		return;
	tally->application = a;
	tally->space = space;
	tally->unavailable = 0;
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		const struct slot *s = a->slot_controls.items[k]->slot;
		bool counts = s->state != STATE_DEPLOYED_STARTED ||
			      is_handed_over(control_of_slot(s->root));
		tally->unavailable += counts && is_to_run(s, space);
	}
}

/* Outside of the unit. PRE: it is not being handed over. */
static uint32_t unavailable_beside(struct tally *tally, const struct slot_control *root,
				   const char *space)
{
	count_unavailable(tally, application_of(root->slot), space);
	uint32_t own = 0;
	slot_for_each_below (root->slot, s)
		own += s->state != STATE_DEPLOYED_STARTED && is_to_run(s, space);
	return tally->unavailable - own;
}

char *disruption_of(struct tally *tally, const struct slot_control *root)
{
	slot_for_each_below (root->slot, s) {
		const struct space *space = slot_declared_space(s);
		uint32_t beside = unavailable_beside(tally, root, space->name);
		if (beside >= space->max_unavailable && serves_space(root, space->name))
			return str_printf("waits: %u of %s %s unserved or handed over already, "
					  "and disruption.max_unavailable is %u",
					  beside, space->name, str_are(beside),
					  space->max_unavailable);
	}
	return NULL;
}

static const char *version_of(const struct revision *r)
{
	return r->record->version != NULL ? r->record->version : "0.0.0";
}

char *handover_on_its_way(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	const char *state = handover_state_text(h->handover.state);
	if (h->revision != NULL)
		return str_printf("waits for the rollout to %s, which replaces it (%s)",
				  version_of(h->revision), state);
	if (h->handover.state == HANDOVER_PLACING && h->waits != NULL) {
		CLEANUP(freep) char *room_on = NULL;
		return placement_reason_of_successor(root, &room_on);
	}
	if (!h->drains && !h->rebalances)
		return str_printf("is handed over already (%s): %s", state, h->cause);
	return str_printf("is being handed over (%s)", state);
}

char *handover_obstacle(const struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	const struct slot *bound = unit_bound(root);
	if (root->handover != NULL)
		return handover_on_its_way(root);
	if (root->slot->moving)
		return mem_strdup("leaves already, because its attempts here are used up");
	if (root->slot->goal == GOAL_NOT_DEPLOYED)
		return mem_strdup("is being undeployed");
	if (root->lost)
		return mem_strdup("its zhost is silent");
	if (bound != NULL)
		return str_printf("%s keeps its data here (storage: local), so it is not moved",
				  bound->path);
	if (a->rollout != NULL && (a->rollout->rollout.state == ROLLOUT_PAUSED ||
				   a->rollout->rollout.state == ROLLOUT_WAITING))
		return str_printf("waits for the rollout to %s, which waits to be promoted, "
				  "resumed or aborted",
				  version_of(a->rollout->target));
	return NULL;
}
