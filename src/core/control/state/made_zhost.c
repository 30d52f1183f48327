#include "core/control/state/made_zhost.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/instant.h"
#include "schema/message.h"

#define SAME(ours, theirs) \
	_Static_assert((int)(ours) + 1 == (int)SAMOZA__V1__##theirs, "differs")
SAME(MADE_CREATING, MADE_STATE__MADE_CREATING);
SAME(MADE_FAILED, MADE_STATE__MADE_FAILED);
SAME(MADE_STUCK, MADE_STATE__MADE_STUCK);

#define TO(state) STATE_MACHINE_BIT(MADE_##state)
/* Any of them may be what a record holds. */
static const struct state_machine_state states[MADE_STATE_COUNT] = {
	[MADE_CREATING] = {"creating", TO(AWAITED) | TO(STANDING) | TO(FAILED) | TO(DESTROYING),
			   0, STATE_MACHINE_INITIAL},
	[MADE_AWAITED] = {"awaited", TO(STANDING) | TO(FAILED) | TO(DESTROYING), 0,
			  STATE_MACHINE_INITIAL},
	[MADE_STANDING] = {"standing", TO(DRAINING) | TO(DESTROYING), 0, STATE_MACHINE_INITIAL},
	[MADE_FAILED] = {"failed", TO(CREATING) | TO(STANDING) | TO(DESTROYING), 0,
			 STATE_MACHINE_INITIAL},
	[MADE_DRAINING] = {"draining", TO(STANDING) | TO(DESTROYING), 0, STATE_MACHINE_INITIAL},
	[MADE_DESTROYING] = {"destroying", TO(ENDING) | TO(STUCK), 0, STATE_MACHINE_INITIAL},
	[MADE_ENDING] = {"ending", TO(STUCK), 0, STATE_MACHINE_INITIAL},
	[MADE_STUCK] = {"stuck", TO(DESTROYING), 0, STATE_MACHINE_INITIAL},
};

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct made_zhost *m = object;
	snprintf(ret_name, size, "%s", m->record->name);
}

const struct state_machine_type made_machine = {
	.name = "made_zhost",
	.states = states,
	.count = MADE_STATE_COUNT,
	.describe = describe,
};

struct made_zhost *made_zhost_find(const struct made_zhosts *all, const char *name)
{
	struct made_zhost *found = NULL;
	/* Of ten thousand zhosts, mostly none is made by a driver. */
	if (name != NULL && all->by_name != NULL)
		HASH_FIND_STR(all->by_name, name, found);
	return found;
}

static struct made_zhost *add(struct made_zhosts *all, const Samoza__V1__MachineRecord *record,
			      enum made_state state)
{
	struct made_zhost *m = mem_new(struct made_zhost);
	m->record = (Samoza__V1__MachineRecord *)schema_message_copy(&record->base);
	m->deadline_ms = m->ask_ms = NEVER_MS;
	state_machine_begin(&made_machine, m, &m->state, state);
	HASH_ADD_KEYPTR(hh, all->by_name, m->record->name, strlen(m->record->name), m);
	return m;
}

struct made_zhost *made_zhost_new(struct made_zhosts *all,
				  const Samoza__V1__MachineRecord *record)
{
	return add(all, record, MADE_CREATING);
}

int made_zhosts_put(struct made_zhosts *all, const Samoza__V1__MachineRecord *record,
		    struct error **err)
{
	int state = (int)record->state - 1;
	if (state < 0 || state >= MADE_STATE_COUNT ||
	    made_zhost_find(all, record->name) != NULL)
		return error_set(err, ERR_INVALID,
				 "the machine of zhost %s is not one that this zrms knows",
				 record->name);
	(void)add(all, record, (enum made_state)state);
	return 0;
}

void made_zhost_free(struct made_zhosts *all, struct made_zhost *m)
{
	HASH_DEL(all->by_name, m);
	schema_message_free(m->record);
	free(m);
}

void made_zhosts_done(struct made_zhosts *all)
{
	while (all->by_name != NULL)
		made_zhost_free(all, all->by_name);
	vector_for_each (&all->strangers, key)
		free(*key);
	vector_done(&all->strangers);
	free(all->list_calls);
}

bool made_zhost_is_deploying(const struct made_zhost *m)
{
	return m->state == MADE_CREATING || m->state == MADE_AWAITED || m->state == MADE_FAILED;
}

bool made_zhost_is_leaving(const struct made_zhost *m)
{
	return m->state >= MADE_DRAINING;
}

enum instance_state made_zhost_shown(const struct made_zhost *m)
{
	switch (m->state) {
	case MADE_CREATING:
	case MADE_AWAITED:
	case MADE_STANDING: /* its zhost is said to be gone, and is not */
		return STATE_DEPLOYING;
	case MADE_FAILED:
		return STATE_NOT_DEPLOYED;
	case MADE_DRAINING:
	case MADE_DESTROYING:
	case MADE_ENDING:
	case MADE_STUCK:
		break;
	}
	return STATE_UNDEPLOYING;
}
