/* Failures within the restart window, the back-off, and the end of attempts. An update that did not reach its process is
 * tried again for ever, with the same back-off: what runs is not to be ended for it. */
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
/* The timer of the next attempt: of an update of what is started, else of a deploy or start. */
void attempts_set_timer(struct agent *agent, struct agent_copy *copy, bool wanted);

/* A start could not begin for want of something that zrms gives: it is tried again with the same back-off, for ever, and is no failure. */
void attempts_start_unreached(const struct agent *agent, struct agent_copy *copy);
/* An update did not reach its process; or one did, or the process is another one. */
void attempts_update_unreached(const struct agent *agent, struct agent_copy *copy);
void attempts_update_reached(struct agent_copy *copy);
/* As attempts_next_is_due(), of an update. */
bool attempts_update_is_due(struct agent *agent, struct agent_copy *copy);

#endif
