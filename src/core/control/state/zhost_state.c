#include "core/control/state/zhost_state.h"

#include "base/check.h"

#define TO(state) STATE_MACHINE_BIT(ZHOST_##state)
const struct state_machine_state zhost_states[ZHOST_STATE_COUNT] = {
	/* also what a record holds */
	[ZHOST_NOT_DEPLOYED] = {"not-deployed", TO(STARTED), TO(PROBLEM) | TO(UNDEPLOYING),
				STATE_MACHINE_INITIAL},
	[ZHOST_STARTED] = {"deployed-started", TO(PROBLEM) | TO(UNDEPLOYING)},
	[ZHOST_PROBLEM] = {"problem", TO(STARTED) | TO(UNDEPLOYING)},
	[ZHOST_UNDEPLOYING] = {"undeploying", TO(NOT_DEPLOYED)},
};

enum instance_state zhost_state_public(enum zhost_state state)
{
	switch (state) {
	case ZHOST_NOT_DEPLOYED:
		return STATE_NOT_DEPLOYED;
	case ZHOST_STARTED:
		return STATE_DEPLOYED_STARTED;
	case ZHOST_PROBLEM:
		return STATE_PROBLEM;
	case ZHOST_UNDEPLOYING:
		return STATE_UNDEPLOYING;
	}
	IMPOSSIBLE("no such state");
}

enum zhost_state zhost_state_of(enum instance_state state)
{
	if (state == STATE_DEPLOYED_STARTED)
		return ZHOST_STARTED;
	if (state == STATE_PROBLEM)
		return ZHOST_PROBLEM;
	return state == STATE_UNDEPLOYING ? ZHOST_UNDEPLOYING : ZHOST_NOT_DEPLOYED;
}
