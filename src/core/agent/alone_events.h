/* What happens to a zhost that is alone (alone.h), and which copies continue then. */
#ifndef SAMOZA_CORE_AGENT_ALONE_EVENTS_H
#define SAMOZA_CORE_AGENT_ALONE_EVENTS_H

#include "core/agent/internal.h"

/* The failure timeout is over, and zrms was not reached. */
void alone_begin(struct agent *agent);
/* A trial has ended. */
void alone_tried(struct agent *agent, const char *address, bool answers);
/* The copy has started or ended: those that import from it. */
void alone_provider_changed(struct agent *agent, const struct agent_copy *provider);

#endif
