/*
 * The lists of providers that zrms sends on the present link, and the copies that import them.
 *
 *     agent.lists ──► agent_list ◄── copy.lists      a list lives as long as somebody refers to it
 *
 * A list changes in place, for all copies that name it; what has gone out with an order does not (import_set.h). A full set forgets the lists of the set before; a
 * copy keeps what it names until zrms asks something else of it, also while there is no link.
 */
#ifndef SAMOZA_CORE_AGENT_IMPORT_LIST_H
#define SAMOZA_CORE_AGENT_IMPORT_LIST_H

#include "core/agent/internal.h"

/* Takes the lists of a set. False: one of them is a change of a version that this zhost does not
 * have, or an instance names a list that it does not have; nothing must be decided by this set. */
bool import_lists_take(struct agent *agent, const Samoza__V1__Desired *desired);
/* The end of a set: zrms has dropped them. */
void import_lists_drop(struct agent *agent, const Samoza__V1__Desired *desired);
/* Those of the link are gone. */
void import_lists_clear(struct agent *agent);

/* The copy names the lists of this entry, and no others. PRE: they are there. */
void copy_name_lists(struct agent *agent, struct agent_copy *copy,
		     const Samoza__V1__DesiredInstance *entry);
void copy_forget_lists(struct agent_copy *copy);

/* Its providers as they are now, import by import, each in the order of paths; the caller has the reference. */
struct import_set *copy_imports(const struct agent_copy *copy);
/* Over them; the same in all versions, since records hold it. */
uint64_t copy_hash_imports(const struct agent_copy *copy);
/* What a start, or an update, gives its process now as env and config. */
struct settings_sum copy_settings(const struct agent_copy *copy);

#endif
