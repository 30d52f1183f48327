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
 *      └── from every state: the zhost is lost. Back again by adoption: the zhost returns and
 *          still holds the newest epoch; then the state that it reports is taken.
 *
 * A zhost is a root instance: not-deployed, deploying, deployed-started, problem, undeploying.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_STATE_H
#define SAMOZA_CORE_LIFECYCLE_STATE_H

#include <stdbool.h>

/* The values are those of proto/record.proto. */
enum instance_state {
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

/* Whether an instance inside a topology may move so. `adopting`: the state that a zhost reports
 * is taken after it was away (or zrms was). */
bool state_may_move(enum instance_state from, enum instance_state to, bool adopting);
/* The same for a zhost. */
bool state_zhost_may_move(enum instance_state from, enum instance_state to);

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
