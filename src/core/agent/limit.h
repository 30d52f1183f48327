/* Time limits and numbers of attempts of a copy; what its spec leaves out has the default of the
 * schema. */
#ifndef SAMOZA_CORE_AGENT_LIMIT_H
#define SAMOZA_CORE_AGENT_LIMIT_H

#include "core/agent/internal.h"

int64_t limit_action_ms(const struct agent *agent, const struct agent_copy *copy);
/* Failures count for so long, and so many may be retried. */
int64_t limit_window_ms(const struct agent *agent, const struct agent_copy *copy);
uint32_t limit_attempts(const struct agent *agent, const struct agent_copy *copy);
/* How long a stop may take; of an exclusive copy at most the failure timeout less two heartbeats
 * [topology.exclusive.zhost]. */
int64_t limit_grace_ms(const struct agent *agent, const struct agent_copy *copy);
/* When a copy with a lease is asked to stop, and when it is killed (lease.c); monotonic. */
int64_t limit_lease_stop_ms(const struct agent *agent, const struct agent_copy *copy);
int64_t limit_lease_end_ms(const struct agent *agent, const struct agent_copy *copy);

#endif
