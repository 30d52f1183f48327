/*
 * An order of the core with copies of what it borrows: it is carried out after the commit, when
 * the core may have moved on.
 */
#ifndef SAMOZA_ZHOST_SPACE_TASK_H
#define SAMOZA_ZHOST_SPACE_TASK_H

#include "core/agent/agent.h"
#include "zhost/environment/imports.h"

struct task {
	__typeof__(((struct agent_order *)0)->type) type;
	uint64_t action;
	enum agent_action kind;
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec; /* deploy; start, update */
	struct import_set *providers;	/* start, update; a reference */
	import_vector imports;		/* the same, in the form that the kind takes */
	bool writes;			/* it may write to its data */
	bool keeps_settings;		/* update: env and config stay as they are */
	bool drops_settings;		/* update: they go, the spec has none */
	bool serves;			/* messages to the instance are for it */
	int64_t grace_ms, stop_ms, deadline_ms;
};

void task_init(struct task *t, const struct agent_order *order);
void task_done(struct task *t);

#endif
