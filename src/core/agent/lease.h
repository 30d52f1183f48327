/* Leases: copies that stop when zrms is silent. */
#ifndef SAMOZA_CORE_AGENT_LEASE_H
#define SAMOZA_CORE_AGENT_LEASE_H

#include "core/agent/internal.h"

/* After a restart of the agent, for all copies before any is reconciled: what runs has a lease, by the record alone. */
void lease_begin(struct agent *agent, struct agent_copy *copy);
/* A heartbeat was acknowledged: agent.lease_from_ms and agent.heard_ms are new. */
void lease_renew(struct agent *agent, struct agent_copy *copy);
/* It, or a copy that it is inside, is fenced, or will be at the next tick: what ends did not fail. */
bool lease_is_over(const struct agent *agent, const struct agent_copy *copy);
/* Its process ended for want of renewal: it, or the copy that it is inside and whose lease it had, has no
 * lease until the next acknowledgement. */
void lease_lost(struct agent *agent, struct agent_copy *copy);
/* Its timer has fired. */
void lease_expire(struct agent *agent, struct agent_copy *copy);
/* Its spec is another one now; `had_lease`: with the one before. */
void lease_adjust(struct agent *agent, struct agent_copy *copy, bool had_lease);

#endif
