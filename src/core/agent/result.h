/* What ends an action or a process: results, exits, time limits. */
#ifndef SAMOZA_CORE_AGENT_RESULT_H
#define SAMOZA_CORE_AGENT_RESULT_H

#include "core/agent/internal.h"

void result_take(struct agent *agent, struct agent_copy *copy, const struct agent_input *input);
void result_process_ended(struct agent *agent, struct agent_copy *copy,
			  const struct agent_input *input);
/* Its probes fail now, or pass again. */
void result_health(struct agent *agent, struct agent_copy *copy, bool is_healthy);
/* A timer of a copy has fired. */
void result_timer(struct agent *agent, struct timer *timer);
/* After a restart of the agent: what exited meanwhile has failed. */
void result_begin_exited(struct agent *agent, struct agent_copy *copy);

#endif
