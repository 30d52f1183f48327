#include "core/agent/phase.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "core/agent/internal.h"

#define SAME(phase)                                                                 \
	_Static_assert((int)PHASE_##phase == (int)SAMOZA__V1__PHASE__PHASE_##phase, \
		       "wire.proto differs")
SAME(ABSENT);
SAME(DEPLOYING);
SAME(DEPLOYED);
SAME(STARTING);
SAME(STARTED);
SAME(STOPPING);
SAME(UNDEPLOYING);

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct agent_copy *copy = object;
	snprintf(ret_name, size, "%s/%s@%" PRIu64, copy->spec->topology_name, copy->key->path,
		 copy->key->epoch);
}

/* The action that this phase is the time of. */
static bool action_of(enum agent_phase phase, enum agent_action *ret_action)
{
	switch (phase) {
	case PHASE_DEPLOYING:
		*ret_action = ACTION_DEPLOY;
		return true;
	case PHASE_STARTING:
		*ret_action = ACTION_START;
		return true;
	case PHASE_STOPPING:
		*ret_action = ACTION_STOP;
		return true;
	case PHASE_UNDEPLOYING:
		*ret_action = ACTION_UNDEPLOY;
		return true;
	case PHASE_ABSENT:
	case PHASE_DEPLOYED:
	case PHASE_STARTED:
		return false;
	}
	IMPOSSIBLE("no such phase");
}

/* Which actions run in which phase. An update outlives a process that died during it. */
static const char *check_action(const struct agent_copy *copy)
{
	enum agent_action needed = ACTION_DEPLOY;
	if (action_of(copy->phase, &needed)) {
		if (copy->orphan)
			return copy->phase == PHASE_STARTING && copy->action == 0
				       ? NULL
				       : "is an orphan, but not a start without an action";
		if (copy->action == 0 || copy->action_kind != needed)
			return "is in the phase of an action that does not run";
	} else if (copy->action != 0 &&
		   (copy->phase == PHASE_ABSENT || copy->action_kind != ACTION_UPDATE)) {
		return "runs an action of another phase";
	}
	bool is_limited = copy->action != 0 && !copy->killed;
	return heap_has(&copy->action_timer.node) == is_limited
		       ? NULL
		       : "has an action without a time limit, or a limit without an action";
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct agent_copy *copy = object;
	bool has_process = phase_has_process(copy->phase);
	if (copy->phase != PHASE_STARTED && copy->n_exports > 0)
		return "has exports, but is not started";
	if (copy->finished && has_process)
		return "has finished, but has a process";
	if (copy->undeploy_failed && copy->phase != PHASE_DEPLOYED)
		return "failed to undeploy, but is not deployed";
	if (heap_has(&copy->retry_timer.node) && copy->action != 0)
		return "waits for a retry while an action runs";
	/* Leases begin with the first input: not yet where a record is adopted. */
	if (copy_has_lease(copy) && has_process && from != PHASE_ABSENT && !copy->fenced &&
	    !heap_has(&copy->lease_timer.node))
		return "has a process, and its lease has no end";
	(void)to;
	return check_action(copy);
}

#define TO(phase) STATE_MACHINE_BIT(PHASE_##phase)
static const struct state_machine_state phases[] = {
	[PHASE_ABSENT] = {"absent", TO(DEPLOYING), TO(DEPLOYED) | TO(STARTING) | TO(STARTED),
			  STATE_MACHINE_INITIAL},
	[PHASE_DEPLOYING] = {"deploying", TO(DEPLOYED) | TO(ABSENT)},
	[PHASE_DEPLOYED] = {"deployed", TO(STARTING) | TO(UNDEPLOYING)},
	[PHASE_STARTING] = {"starting", TO(STARTED) | TO(DEPLOYED) | TO(STOPPING), 0,
			    PHASE_HAS_PROCESS},
	[PHASE_STARTED] = {"started", TO(STOPPING) | TO(DEPLOYED), 0, PHASE_HAS_PROCESS},
	[PHASE_STOPPING] = {"stopping", TO(DEPLOYED), 0, PHASE_HAS_PROCESS},
	[PHASE_UNDEPLOYING] = {"undeploying", TO(ABSENT) | TO(DEPLOYED)},
};

const struct state_machine_type phase_machine = {
	.name = "phase",
	.states = phases,
	.count = ARRAY_SIZE(phases),
	.describe = describe,
	.invariant = invariant,
};

bool phase_has_process(enum agent_phase phase)
{
	return state_machine_has_flag(&phase_machine, phase, PHASE_HAS_PROCESS);
}
