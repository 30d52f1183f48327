/* Exclusive copies when zrms is silent. */
#ifndef SAMOZA_CORE_AGENT_LEASE_H
#define SAMOZA_CORE_AGENT_LEASE_H

#include "core/agent/internal.h"

/* A heartbeat was acknowledged: agent.lease_from_ms is new. */
void lease_renew(struct agent *agent, struct agent_copy *copy);
/* Its timer has fired. */
void lease_expire(struct agent *agent, struct agent_copy *copy);

#endif
