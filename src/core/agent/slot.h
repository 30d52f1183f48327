/* The copies of one instance on this zhost. */
#ifndef SAMOZA_CORE_AGENT_SLOT_H
#define SAMOZA_CORE_AGENT_SLOT_H

#include "core/agent/internal.h"

void slot_join(struct agent *agent, struct agent_copy *copy);
void slot_leave(struct agent *agent, struct agent_copy *copy);
/* "TOPOLOGY-ID/PATH", by which the copies of an instance are found: its path, or that which it had before, where
 * it has another name now. The caller frees. */
char *slot_id_of(const struct agent_copy *copy);
/* The same of what it is inside of. PRE: there is something. */
char *slot_id_of_parent(const struct agent_copy *copy);
/* Of the slot "TOPOLOGY-ID/PATH": the oldest copy, whose next is `slot_next`; or NULL. */
struct agent_copy *slot_copies(const struct agent *agent, const char *id);

/* The same by the path that it has now, among all copies. */
struct agent_copy *slot_copies_of_path(const struct agent *agent, const char *id);

/* It may not start now: another copy, beside which it is not to run, has (or may have) a process, or is newer
 * and wanted started. */
bool slot_holds_start(const struct agent *agent, const struct agent_copy *copy);

#endif
