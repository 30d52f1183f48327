#include "zhost/space/resident_machine.h"

#include <stdio.h>

#include "adapter/log/log.h"

#define TO(state) STATE_MACHINE_BIT(RESIDENT_##state)
static const struct state_machine_state states[] = {
	[RESIDENT_DEPLOYING] = {"deploying", TO(DEPLOYED) | TO(REMOVED), 0,
				STATE_MACHINE_INITIAL},
	[RESIDENT_DEPLOYED] = {"deployed", TO(QUEUED) | TO(STARTING) | TO(UNDEPLOYING),
			       TO(STARTED), STATE_MACHINE_INITIAL},
	[RESIDENT_QUEUED] = {"queued", TO(STARTING) | TO(DEPLOYED)},
	[RESIDENT_STARTING] = {"starting", TO(STARTED) | TO(STOPPING) | TO(DEPLOYED)},
	[RESIDENT_STARTED] = {"started", TO(UPDATING) | TO(STOPPING) | TO(DEPLOYED)},
	[RESIDENT_UPDATING] = {"updating", TO(STARTED) | TO(DEPLOYED)},
	[RESIDENT_STOPPING] = {"stopping", TO(DEPLOYED)},
	[RESIDENT_UNDEPLOYING] = {"undeploying", TO(REMOVED) | TO(DEPLOYED)},
	[RESIDENT_REMOVED] = {"removed", .flags = STATE_MACHINE_FINAL},
};
#undef TO

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct resident *r = object;
	snprintf(ret_name, size, "%s", r->id);
}

static bool is_one_of(unsigned state, uint32_t set)
{
	return (STATE_MACHINE_BIT(state) & set) != 0;
}

#define IN(state) STATE_MACHINE_BIT(RESIDENT_##state)
static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct resident *r = object;
	(void)from;
	if (r->action != 0 && is_one_of(to, IN(DEPLOYED) | IN(STARTED) | IN(REMOVED)))
		return "has an action under way that its state does not show";
	if (r->action == 0 && is_one_of(to, IN(DEPLOYING) | IN(QUEUED) | IN(UPDATING) |
						    IN(STOPPING) | IN(UNDEPLOYING)))
		return "has no action under way";
	if (to == RESIDENT_STARTING && r->action == 0 && r->process == NULL)
		return "starts without an action and without an adopted process";
	if (r->process != NULL && is_one_of(to, IN(DEPLOYED) | IN(QUEUED) | IN(REMOVED)))
		return "has a process although nothing of it runs";
	if (r->peer != NULL &&
	    !is_one_of(to, IN(STARTING) | IN(STARTED) | IN(UPDATING) | IN(STOPPING)))
		return "is in the mesh although it does not run";
	if ((r->wait != NULL || r->files != NULL) &&
	    !is_one_of(to, IN(DEPLOYING) | IN(STARTING)))
		return "waits for artifacts in a state that needs none";
	if (r->slot.is_queued != (to == RESIDENT_QUEUED))
		return "is queued for a start although its state is another, or the reverse";
	if (r->slot.is_held && to != RESIDENT_STARTING)
		return "holds a start slot although it is not starting";
	return NULL;
}
#undef IN

const struct state_machine_type resident_machine = {
	.name = "resident",
	.states = states,
	.count = ARRAY_SIZE(states),
	.describe = describe,
	.invariant = invariant,
};

void resident_enter(struct resident *r, enum resident_state to)
{
	log_debug("spaces", "resident", LOG_S("topology", r->spec->topology_name),
		  LOG_S("path", r->key->path),
		  LOG_S("from", state_machine_state_name(&resident_machine, r->state)),
		  LOG_S("to", state_machine_state_name(&resident_machine, to)));
	state_machine_move(&resident_machine, r, &r->state, to);
}
