/*
 * The ten states of an instance, the three goals, and every move that is allowed.
 * Source: [lifecycle.states].
 *
 *                         deploy fails
 *                     ┌──────────────────┐
 *                     ▼                  │
 *              ┌─────────────┐     ┌───────────┐
 *      ┌──────►│not-deployed │────►│ deploying │
 *      │       └─────────────┘     └─────┬─────┘
 *      │              ▲                  ▼
 *      │       ┌──────┴──────┐     ┌──────────────────┐◄───────────────────┐
 *      │       │ undeploying │◄───►│ deployed-stopped │◄──────┐            │
 *      │       └─────────────┘     └──┬────▲───┬──▲───┘       │ start      │ process dies
 *      │                              │    │   │  │           │ fails      │ or finishes
 *      │            ┌─────────────────▼─┐  │ ┌─▼──┴───────┐   │            │
 *      │            │waiting-for-ancestor│◄┼►│ unresolved │   │            │
 *      │            └──▲──────────────┬─┘  │ └─┬────────▲─┘   │            │
 *      │               │              └────┼───┼──►┌────┼─────┴─┐   ┌──────┴───────────┐
 *      │               │                   │   └──►│  starting  │──►│ deployed-started │
 *      │               │                   │       └────┼───────┘   └──────┬───────────┘
 *      │               │              ┌────┴───┐        │                  │ asked to stop,
 *      │               └──────────────┤stopping├────────┘                  │ provider or
 *      │                              └────────┘◄──────────────────────────┘ ancestor lost
 *      │
 *      └── from every state: the zhost is lost.
 *
 * A zhost that returns and still holds the newest epoch is adopted: the state that it reports is
 * taken. A zhost itself has states of the same names: core/control/state/zhost_state.h.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_STATE_H
#define SAMOZA_CORE_LIFECYCLE_STATE_H

#include <stdbool.h>

#include "base/state_machine.h"

/* The values are those of proto/record.proto. */
enum __attribute__((packed)) instance_state {
	STATE_NOT_DEPLOYED,
	STATE_DEPLOYING,
	STATE_DEPLOYED_STOPPED,
	STATE_UNRESOLVED,
	STATE_WAITING_FOR_ANCESTOR,
	STATE_STARTING,
	STATE_DEPLOYED_STARTED,
	STATE_STOPPING,
	STATE_UNDEPLOYING,
	STATE_PROBLEM,
};
#define STATE_COUNT 10
/* Not `problem`, which only a zhost has. */
#define INSTANCE_STATE_COUNT STATE_PROBLEM

/* The table; the machine is slot_machine (slot.h). */
extern const struct state_machine_state instance_states[INSTANCE_STATE_COUNT];

enum instance_goal {
	GOAL_NOT_DEPLOYED,
	GOAL_DEPLOYED_STOPPED,
	GOAL_DEPLOYED_STARTED,
};

/* "waiting-for-ancestor": REST, events, scenarios. */
const char *state_name(enum instance_state state);
/* "waiting for ancestor": as people read it. */
const char *state_label(enum instance_state state);
const char *goal_name(enum instance_goal goal);
/* 0, or -1 when `text` is none of the three. */
int goal_parse(const char *text, enum instance_goal *ret_goal);
/* 0, or -1 when `text` names no state. */
int state_parse(const char *text, enum instance_state *ret_state);

/* A process exists, or may exist: starting, deployed-started, stopping. */
static inline bool state_is_active(enum instance_state state)
{
	return state == STATE_STARTING || state == STATE_DEPLOYED_STARTED ||
	       state == STATE_STOPPING;
}
/* It will not stay: an action runs. */
static inline bool state_is_transitive(enum instance_state state)
{
	return state == STATE_DEPLOYING || state == STATE_STARTING || state == STATE_STOPPING ||
	       state == STATE_UNDEPLOYING;
}

#endif
