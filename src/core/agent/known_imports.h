/*
 * The providers that a copy with `loss.offline_start` knew when it was last given any: kept in its record,
 * for a start without zrms (alone.h). They are in the order in which zrms gives them.
 */
#ifndef SAMOZA_CORE_AGENT_KNOWN_IMPORTS_H
#define SAMOZA_CORE_AGENT_KNOWN_IMPORTS_H

#include "core/agent/import_set.h"
#include "core/agent/internal.h"

/* From now on those of an action, all of them up. */
void known_imports_keep(struct agent_copy *copy, const struct import_set *set);
/* Of a record. */
void known_imports_load(struct agent_copy *copy, const Samoza__V1__AgentRecord *r);
/* For a record: borrowed pointers, in an array that the caller frees. */
Samoza__V1__Provider **known_imports_list(const struct agent_copy *copy);
void known_imports_free(struct agent_copy *copy);
/* All are up, or none is. */
void known_imports_set_up(struct agent_copy *copy, bool is_up);
/* One of them is that copy, or another one of its slot. */
bool known_imports_name(const struct agent_copy *copy, const struct agent_copy *provider);
/* "TOPOLOGY-ID/PATH", as zhosts know the slot of a provider of `importer`. The caller frees. */
char *known_provider_slot(const struct agent_copy *importer,
			  const struct known_provider *known);

/* Its values are those that this copy exports now. */
void known_provider_refresh(struct known_provider *known, const struct agent_copy *provider);
/* "IP:PORT", of the variables `ip` and `port`; NULL: they are not imported. The caller frees. */
char *known_provider_address(const struct known_provider *known);

#endif
