/* The states of a topology as a machine; topology_state.c has its gate. */
#include "core/control/state/application.h"

#include <stdio.h>

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct control_application *a = object;
	snprintf(ret_name, size, "%s (%s)", a->name, a->id);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct control_application *a = object;
	if (from == to)
		return NULL; /* its record: the instances are not loaded yet */
	if (to == TOPOLOGY_RUNNING && a->slots.to_start_started != a->slots.to_start)
		return "is running, but an instance that is to start has not started";
	if (to == TOPOLOGY_STOPPED && a->slots.to_start > 0)
		return "is stopped, but an instance is to start";
	if (to == TOPOLOGY_FAILED && a->unhealthy == 0)
		return "has failed, but no instance is without a place or a retry";
	if (to == TOPOLOGY_DEGRADED && !a->was_running)
		return "is degraded, but never was running";
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(TOPOLOGY_##state)
static const struct state_machine_state states[TOPOLOGY_STATE_COUNT] = {
	[TOPOLOGY_PENDING] = {"pending", TO(RUNNING) | TO(DEGRADED) | TO(FAILED) | TO(STOPPED),
			      0, STATE_MACHINE_INITIAL},
	[TOPOLOGY_RUNNING] = {"running", TO(DEGRADED) | TO(FAILED) | TO(STOPPED), 0,
			      STATE_MACHINE_INITIAL},
	[TOPOLOGY_DEGRADED] = {"degraded", TO(RUNNING) | TO(FAILED) | TO(STOPPED), 0,
			       STATE_MACHINE_INITIAL},
	[TOPOLOGY_STOPPED] = {"stopped", TO(PENDING) | TO(RUNNING) | TO(FAILED), 0,
			      STATE_MACHINE_INITIAL},
	[TOPOLOGY_FAILED] = {"failed", TO(DEGRADED) | TO(PENDING) | TO(STOPPED), 0,
			     STATE_MACHINE_INITIAL},
};

/* A new one is pending; one that a record holds begins in any state. */
const struct state_machine_type topology_machine = {
	.name = "topology",
	.states = states,
	.count = TOPOLOGY_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

const char *topology_state_name(enum topology_state state)
{
	return states[state].name;
}

void application_restore_state(struct control_application *a, const char *name)
{
	unsigned state = TOPOLOGY_PENDING;
	(void)state_machine_parse(&topology_machine, name, &state);
	state_machine_begin(&topology_machine, a, &a->state, state);
}
