/*
 * What a rollout hands over next, by its policy and its state.
 *
 *   advancing   rolling: a batch of the first space that has something to change
 *               canary, in its steps: what has its turn (rollout_steps.h)
 *               else: everything at once; what stops first stops together
 *   returning   everything at once
 *   paused, waiting   nothing begins
 *
 * In every state handovers that lead elsewhere than the rollout does now are not wanted: they end.
 * Source: [change.rollout].
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_WAVES_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_WAVES_H

#include "core/control/state/application.h"

/* PRE: there is a rollout. */
void rollout_act(struct control *c, struct control_application *a);
/* Everything that stops together is installed, and waits for the move of what is to stop with it: for which one; NULL:
 * it does not. The caller frees. PRE: there is a rollout. */
char *rollout_stop_waits_text(const struct control_application *a);

#endif
