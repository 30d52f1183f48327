/* What is due next for a copy, and for those that wait for it. */
#ifndef SAMOZA_CORE_AGENT_RECONCILE_H
#define SAMOZA_CORE_AGENT_RECONCILE_H

#include "core/agent/internal.h"

/* Begins the next action, if one is due. */
void reconcile(struct agent *agent, struct agent_copy *copy);
/* Reports the copy where nothing has answered the last order, and nothing is about to: no action runs. */
void reconcile_answer(struct agent *agent, struct agent_copy *copy);
/* All copies inside it, the innermost first. */
void reconcile_inside(struct agent *agent, const struct agent_copy *copy);
/* Its phase has changed: the copies that it is inside, its children, other copies of its slot. */
void reconcile_around(struct agent *agent, const struct agent_copy *copy);

#endif
