/* The sets that zrms sends. */
#ifndef SAMOZA_CORE_AGENT_DESIRED_H
#define SAMOZA_CORE_AGENT_DESIRED_H

#include "core/agent/internal.h"

/* False: the set does not fit those before, and was not followed. */
bool desired_apply(struct agent *agent, const Samoza__V1__Desired *desired);

#endif
