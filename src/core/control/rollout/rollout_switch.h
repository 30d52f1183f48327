/*
 * Blue-green: the one step in which everything that a rollout changes is handed over.
 *
 *   before     every unit that differs has a turn of its own (TURN_JOINT): its successor runs, healthy and proven
 *              (handover: ready), or, where it stops first, is installed (preparing); what was added runs
 *   the step   start-first: the successor serves, and the incumbent is kept; stop-first: all of them stop, in one
 *              ordered stop, then their successors start
 *   after      what is left of the stop-first ones; then the rollout completes
 *
 * Source: [change.rollout.blue-green].
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_SWITCH_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_SWITCH_H

#include "core/control/state/application.h"

/* It is blue-green, leads on, and nothing is handed over yet. PRE: there is a rollout. */
bool rollout_is_before_switch(const struct control_application *a);
/* Of each unit, by what serves it now. PRE: as above. */
void rollout_set_joint_turns(struct control_application *a);
/* What is served in the former version meanwhile, placed or given back, changes with everything else, too; those of
 * `count: each` that have appeared since are placed in the former version, and take part when they are. PRE: as
 * above. */
void rollout_review_joint_turns(struct control_application *a);
/* There is no switch any longer: it leads back, where nothing waits for others. */
void rollout_end_joint_turns(struct control_application *a);
/* There is nothing to switch, and nothing waits for it. PRE: as above. */
bool rollout_switches_nothing(const struct control_application *a);
/* Everything is ready for it. PRE: as above. */
bool rollout_may_switch(const struct control_application *a);
/* What holds it up: something that was added, or that is not where it can be handed over; the caller frees. NULL:
 * nothing of that. PRE: as above. */
char *rollout_switch_waits_text(const struct control_application *a);
/* PRE: it may. */
void rollout_switch(struct control *c, struct control_application *a);

#endif
