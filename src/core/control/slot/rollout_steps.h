/*
 * The steps of a canary: which units are to be in the new version, and which stay in the one before.
 *
 *   step 10%, space of 20 instances        api-1, api-2 are handed over, api-3 ... wait for their turn
 *   a space of a single instance           a second copy shares what the first one gets (rollout_shares())
 *   what stops first                       waits for the last step
 *   what does not change                   has no turn: it is led back, where it is not current
 *
 * Source: [change.rollout.canary].
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_STEPS_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_STEPS_H

#include "core/control/state/application.h"

/* For the present step. PRE: there is a rollout. */
void rollout_set_turns(struct control_application *a);
/* The successor of this unit, which is being handed over, shares for now and does not take over. */
bool rollout_shares(const struct slot_control *root);
/* Nothing that reaches the processes of the unit differs in the two revisions. PRE: both are open. */
bool rollout_has_same_content(const struct slot_control *root, const struct revision *from,
			      const struct revision *to);
/* Copies of the target get a share: it is in its steps, and does not lead back. PRE: there is a rollout. */
bool rollout_has_shares(const struct control_application *a);
/* Of a space that the rollout replaces: per mille of what it gets that its copies of the target get, which grows
 * as they take over; 0: there is no such share. */
uint32_t rollout_permille(const struct control_application *a, uint32_t space);
/* The policy has ended: nothing is left of its steps, or they have nothing to change. */
bool rollout_steps_have_ended(const struct control_application *a);
/* "step 1 of 2, waiting for topo promote"; the caller frees. PRE: there is a rollout that waits. */
char *rollout_step_text(const struct control_application *a);

#endif
