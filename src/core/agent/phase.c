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
	const struct instance *i = object;
	snprintf(ret_name, size, "%s/%s@%" PRIu64, i->spec->topology_name, i->key->path,
		 i->key->epoch);
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
static const char *check_action(const struct instance *i)
{
	enum agent_action needed = ACTION_DEPLOY;
	if (action_of(i->phase, &needed)) {
		if (i->orphan)
			return i->phase == PHASE_STARTING && i->action == 0
				       ? NULL
				       : "is an orphan, but not a start without an action";
		if (i->action == 0 || i->kind != needed)
			return "is in the phase of an action that does not run";
	} else if (i->action != 0 && (i->phase == PHASE_ABSENT || i->kind != ACTION_UPDATE)) {
		return "runs an action of another phase";
	}
	bool is_limited = i->action != 0 && !i->killed;
	return heap_has(&i->action_timer.node) == is_limited
		       ? NULL
		       : "has an action without a time limit, or a limit without an action";
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct instance *i = object;
	bool has_process = phase_has_process(i->phase);
	if (i->phase != PHASE_STARTED && i->n_exports > 0)
		return "has exports, but is not started";
	if (i->finished && has_process)
		return "has finished, but has a process";
	if (i->undeploy_failed && i->phase != PHASE_DEPLOYED)
		return "failed to undeploy, but is not deployed";
	if (heap_has(&i->retry_timer.node) && i->action != 0)
		return "waits for a retry while an action runs";
	/* Leases begin with the first input: not yet where a record is adopted. */
	if (i->spec->exclusive && has_process && from != PHASE_ABSENT && !i->fenced &&
	    !heap_has(&i->lease_timer.node))
		return "is exclusive and has a process without a lease";
	(void)to;
	return check_action(i);
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
