/* A copy as an object: made, freed, marked, and the gate of its phases. */
#ifndef SAMOZA_CORE_AGENT_COPY_H
#define SAMOZA_CORE_AGENT_COPY_H

#include "core/agent/internal.h"

struct agent_copy *copy_new(struct agent *agent, const Samoza__V1__InstanceKey *key,
			    const Samoza__V1__InstanceSpec *spec);
void copy_free(struct agent *agent, struct agent_copy *copy);
/* Marks it for the end of the call, where it is recorded or freed. */
void copy_touch(struct agent *agent, struct agent_copy *copy, bool dirty);
/* The gate of the phases: the move is recorded and reported. Set the error first. */
void copy_enter(struct agent *agent, struct agent_copy *copy, enum agent_phase phase);
/* The phase that a record of an earlier agent stands for. */
void copy_adopt(struct agent_copy *copy, enum agent_phase phase);
/* Why it is in its phase; `error` NULL: no error. */
void copy_set_error(struct agent *agent, struct agent_copy *copy,
		    Samoza__V1__FailedAction failed, const char *error);
void copy_clear_error(struct agent_copy *copy);
/* From now on it is counted how long a started copy has been well. */
void copy_watch_well(struct agent *agent, struct agent_copy *copy);
void copy_drop_exports(struct agent_copy *copy);
/* Orders that its process and its action are killed, once. */
void copy_kill(struct agent *agent, struct agent_copy *copy);

#endif
