/* What the agent sends to zrms: HELLO, reports, heartbeats. */
#ifndef SAMOZA_CORE_AGENT_MESSAGE_H
#define SAMOZA_CORE_AGENT_MESSAGE_H

#include "core/agent/internal.h"

/* A deep copy; NULL for NULL. */
void *message_copy(const void *message);
/* Appends a report of the phase as it stands. */
void agent_report_add(struct agent *agent, struct agent_copy *copy);
/* Answers an entry for a copy that the agent does not hold. */
void report_add_absent(struct agent *agent, const Samoza__V1__DesiredInstance *entry,
		       Samoza__V1__FailedAction failed, const char *error);
void reports_send(struct agent *agent);
/* `mesh_sums`: as in agent_input. */
void hello_send(struct agent *agent, const uint64_t *mesh_sums);
void heartbeat_send(struct agent *agent);

#endif
