/* Parents and children on this zhost. */
#ifndef SAMOZA_CORE_AGENT_FAMILY_H
#define SAMOZA_CORE_AGENT_FAMILY_H

#include "core/agent/internal.h"

/* PRE of both: it is in its slot. Parent and placement may change between them. */
void family_join(struct agent *agent, struct agent_copy *copy);
void family_leave(struct agent *agent, struct agent_copy *copy);
/* NULL: it has none here. */
struct agent_copy *family_parent(const struct agent *agent, const struct agent_copy *copy);
/* The first one; the next is `sibling_next`. */
struct agent_copy *family_children(const struct agent *agent, const struct agent_copy *copy);

/* Its parent is started, or it has none here. */
bool family_may_start(const struct agent *agent, const struct agent_copy *copy);
/* It, or a copy that it is inside, is not wanted started or is fenced. */
bool family_must_stop(const struct agent *agent, const struct agent_copy *copy);
/* A copy inside it has a process, which must stop first. */
bool family_holds_stop(const struct agent *agent, const struct agent_copy *copy);
/* A child of it must be undeployed first. */
bool family_holds_undeploy(const struct agent *agent, const struct agent_copy *copy);
/* It, or a copy that it is inside, is fenced. */
bool family_is_fenced(const struct agent *agent, const struct agent_copy *copy);

#endif
