/* The sets that zrms sends. */
#ifndef SAMOZA_CORE_AGENT_DESIRED_H
#define SAMOZA_CORE_AGENT_DESIRED_H

#include "core/agent/internal.h"

/* False: the set does not fit those before, and was not followed. */
bool desired_apply(struct agent *agent, const Samoza__V1__Desired *desired);
/* Refused: another zhost has taken over these copies. They keep what is on the disk, and their processes
 * stop; the next set that is accepted says what becomes of them. */
void desired_supersede(struct agent *agent, const Samoza__V1__HelloAck *ack);

#endif
