/*
 * The state of each topology, derived from its slots. Source: [topology.states].
 *
 *   pending ──► running ◄──► degraded ──► failed        from every state ──► stopped ──► pending
 *      └───────────────────────────────────►┘ ▲ │
 *          degraded ──┘ └──► degraded, when a place appears
 *   pending ──► degraded, where all run that have a place on their zhosts (`count: each`)
 */
#ifndef SAMOZA_CORE_CONTROL_TOPOLOGY_STATE_H
#define SAMOZA_CORE_CONTROL_TOPOLOGY_STATE_H

#include "core/control/state/dirty_set.h"
#include "core/control/state/event_emitter.h"

/* Derives the state of every marked application; events. */
void topology_states_settle(struct dirty_set *dirty, struct event_emitter *emitter);
/* It is to run, but has nothing else, and no zhost fits what it has on each [change.counts.each]. */
bool topology_waits_for_zhosts(const struct control_application *a);
/* Counts the slot in its application's `unhealthy`, or no longer: after a change of its goal, its
 * place or its retries. */
void topology_state_count(struct slot_control *sc);

#endif
