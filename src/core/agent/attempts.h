/* Failures within the restart window, the back-off, and the end of attempts. */
#ifndef SAMOZA_CORE_AGENT_ATTEMPTS_H
#define SAMOZA_CORE_AGENT_ATTEMPTS_H

#include "core/agent/internal.h"

/* All failures are older than the window. */
void attempts_forget(struct agent_copy *copy);
/* What was loaded is of this clock from now on: a restart of the agent, or of the machine, neither
 * ends a back-off nor gives attempts back. */
void attempts_begin(struct agent *agent, struct agent_copy *copy);
void attempts_count_failure(struct agent *agent, struct agent_copy *copy);
/* Somebody asked again: failures are forgotten. */
void attempts_reset(struct agent *agent, struct agent_copy *copy);
/* True: try now. Otherwise the timer is set for the next attempt, if there is one. */
bool attempts_next_is_due(struct agent *agent, struct agent_copy *copy);
void attempts_set_timer(struct agent *agent, struct agent_copy *copy, bool wanted);

#endif
