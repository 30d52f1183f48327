/*
 * What is the case of a rollout, for its table (core/application/rollout.h): what has failed, what is done, and whether the
 * next step is due. Source: [change.rollout.failure] [change.submit.completes].
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_FACTS_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_FACTS_H

#include "core/application/rollout.h"
#include "core/control/state/application.h"

struct control;

/* Of now. Where everything is done, what only has to get another revision gets it, and a failure is remembered as the cause
 * of what follows. PRE: there is a rollout. */
struct rollout_facts rollout_facts_of(struct control *c, struct control_application *a);

#endif
