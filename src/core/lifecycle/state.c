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

#define TO(state)  (1u << STATE_##state)
#define ZHOST_LOST TO(NOT_DEPLOYED)
#define ADOPTED_STATE \
	(TO(DEPLOYED_STOPPED) | TO(STARTING) | TO(DEPLOYED_STARTED) | TO(STOPPING))

struct row {
	const char *name;
	const char *label;
	unsigned next;	/* set of states that may follow */
	unsigned adopt; /* and these, by adoption */
	unsigned zhost; /* what may follow for a root instance */
};

static const struct row rows[STATE_COUNT] = {
	[STATE_NOT_DEPLOYED] = {"not-deployed", "not deployed", TO(DEPLOYING),
				ADOPTED_STATE | TO(UNDEPLOYING),
				TO(DEPLOYING) | TO(DEPLOYED_STARTED)},
	[STATE_DEPLOYING] = {"deploying", "deploying", TO(DEPLOYED_STOPPED) | TO(NOT_DEPLOYED),
			     ADOPTED_STATE,
			     TO(DEPLOYED_STARTED) | TO(UNDEPLOYING) | TO(NOT_DEPLOYED)},
	[STATE_DEPLOYED_STOPPED] = {"deployed-stopped", "deployed - stopped",
				    TO(WAITING_FOR_ANCESTOR) | TO(UNRESOLVED) | TO(STARTING) |
					    TO(UNDEPLOYING) | ZHOST_LOST,
				    ADOPTED_STATE, 0},
	[STATE_UNRESOLVED] = {"unresolved", "unresolved",
			      TO(DEPLOYED_STOPPED) | TO(WAITING_FOR_ANCESTOR) | TO(STARTING) |
				      ZHOST_LOST,
			      ADOPTED_STATE, 0},
	[STATE_WAITING_FOR_ANCESTOR] = {"waiting-for-ancestor", "waiting for ancestor",
					TO(DEPLOYED_STOPPED) | TO(UNRESOLVED) | TO(STARTING) |
						ZHOST_LOST,
					ADOPTED_STATE, 0},
	[STATE_STARTING] = {"starting", "starting",
			    TO(DEPLOYED_STARTED) | TO(DEPLOYED_STOPPED) | ZHOST_LOST,
			    ADOPTED_STATE, 0},
	[STATE_DEPLOYED_STARTED] = {"deployed-started", "running",
				    TO(STOPPING) | TO(DEPLOYED_STOPPED) | ZHOST_LOST,
				    ADOPTED_STATE, TO(PROBLEM) | TO(UNDEPLOYING)},
	[STATE_STOPPING] = {"stopping", "stopping",
			    TO(DEPLOYED_STOPPED) | TO(UNRESOLVED) | TO(WAITING_FOR_ANCESTOR) |
				    ZHOST_LOST,
			    ADOPTED_STATE, 0},
	[STATE_UNDEPLOYING] = {"undeploying", "undeploying",
			       TO(NOT_DEPLOYED) | TO(DEPLOYED_STOPPED), ADOPTED_STATE,
			       TO(NOT_DEPLOYED)},
	[STATE_PROBLEM] = {"problem", "problem", 0, 0, TO(DEPLOYED_STARTED) | TO(UNDEPLOYING)},
};

static const char *const goals[] = {"not-deployed", "deployed-stopped", "deployed-started"};

const char *state_name(enum instance_state state)
{
	return rows[state].name;
}

const char *state_label(enum instance_state state)
{
	return rows[state].label;
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
		if (strcmp(text, rows[i].name) == 0) {
			*ret_state = (enum instance_state)i;
			return 0;
		}
	}
	return -1;
}

bool state_may_move(enum instance_state from, enum instance_state to, bool adopting)
{
	unsigned allowed = rows[from].next | (adopting ? rows[from].adopt : 0);
	return from != to && from != STATE_PROBLEM && (allowed & 1u << to) != 0;
}

bool state_zhost_may_move(enum instance_state from, enum instance_state to)
{
	return from != to && (rows[from].zhost & 1u << to) != 0;
}
