#include "core/lifecycle/state.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "proto/record.pb-c.h"

#define SAME(ours, theirs) \
	_Static_assert((int)(ours) == (int)SAMOZA__V1__##theirs, "record.proto differs")
SAME(STATE_NOT_DEPLOYED, STATE__STATE_NOT_DEPLOYED);
SAME(STATE_DEPLOYED_STARTED, STATE__STATE_DEPLOYED_STARTED);
SAME(STATE_PROBLEM, STATE__STATE_PROBLEM);
SAME(GOAL_DEPLOYED_STARTED, GOAL__GOAL_DEPLOYED_STARTED);

#define TO(state)  STATE_MACHINE_BIT(STATE_##state)
#define ZHOST_LOST TO(NOT_DEPLOYED)
#define REPORTED   (TO(DEPLOYED_STOPPED) | TO(STARTING) | TO(DEPLOYED_STARTED) | TO(STOPPING))

const struct state_machine_state instance_states[INSTANCE_STATE_COUNT] = {
	/* also what a record holds */
	[STATE_NOT_DEPLOYED] = {"not-deployed", TO(DEPLOYING),
				REPORTED | TO(UNDEPLOYING) | TO(UNRESOLVED) |
					TO(WAITING_FOR_ANCESTOR),
				STATE_MACHINE_INITIAL},
	[STATE_DEPLOYING] = {"deploying", TO(DEPLOYED_STOPPED) | ZHOST_LOST,
			     REPORTED & ~TO(DEPLOYED_STOPPED)},
	[STATE_DEPLOYED_STOPPED] = {"deployed-stopped",
				    TO(WAITING_FOR_ANCESTOR) | TO(UNRESOLVED) | TO(STARTING) |
					    TO(UNDEPLOYING) | ZHOST_LOST,
				    TO(DEPLOYED_STARTED) | TO(STOPPING)},
	[STATE_UNRESOLVED] = {"unresolved",
			      TO(DEPLOYED_STOPPED) | TO(WAITING_FOR_ANCESTOR) | TO(STARTING) |
				      ZHOST_LOST,
			      TO(DEPLOYED_STARTED) | TO(STOPPING)},
	[STATE_WAITING_FOR_ANCESTOR] = {"waiting-for-ancestor",
					TO(DEPLOYED_STOPPED) | TO(UNRESOLVED) | TO(STARTING) |
						ZHOST_LOST,
					TO(DEPLOYED_STARTED) | TO(STOPPING)},
	[STATE_STARTING] = {"starting",
			    TO(DEPLOYED_STARTED) | TO(DEPLOYED_STOPPED) | ZHOST_LOST,
			    TO(STOPPING)},
	[STATE_DEPLOYED_STARTED] = {"deployed-started",
				    TO(STOPPING) | TO(DEPLOYED_STOPPED) | ZHOST_LOST,
				    TO(STARTING)},
	[STATE_STOPPING] = {"stopping",
			    TO(DEPLOYED_STOPPED) | TO(UNRESOLVED) | TO(WAITING_FOR_ANCESTOR) |
				    ZHOST_LOST,
			    TO(STARTING) | TO(DEPLOYED_STARTED)},
	[STATE_UNDEPLOYING] = {"undeploying", TO(NOT_DEPLOYED) | TO(DEPLOYED_STOPPED),
			       REPORTED & ~TO(DEPLOYED_STOPPED)},
};

/* As people read them; also of zhosts. */
static const char *const labels[STATE_COUNT] = {
	"not deployed",
	"deploying",
	"deployed - stopped",
	"unresolved",
	"waiting for ancestor",
	"starting",
	"running",
	"stopping",
	"undeploying",
	"problem",
};

static const char *const goals[] = {"not-deployed", "deployed-stopped", "deployed-started"};

const char *state_name(enum instance_state state)
{
	return state == STATE_PROBLEM ? "problem" : instance_states[state].name;
}

const char *state_label(enum instance_state state)
{
	return labels[state];
}

const char *goal_name(enum instance_goal goal)
{
	return goals[goal];
}

int goal_parse(const char *text, enum instance_goal *ret_goal)
{
	for (size_t i = 0; text != NULL && i < ARRAY_SIZE(goals); i++) {
		if (strcmp(text, goals[i]) == 0) {
			*ret_goal = (enum instance_goal)i;
			return 0;
		}
	}
	return -1;
}

int state_parse(const char *text, enum instance_state *ret_state)
{
	for (size_t i = 0; text != NULL && i < STATE_COUNT; i++) {
		if (strcmp(text, state_name((enum instance_state)i)) == 0) {
			*ret_state = (enum instance_state)i;
			return 0;
		}
	}
	return -1;
}
