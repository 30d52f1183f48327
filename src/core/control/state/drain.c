#include "core/control/state/drain.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/instant.h"

#define TO(state) STATE_MACHINE_BIT(DRAIN_##state)
static const struct state_machine_state states[DRAIN_STATE_COUNT] = {
	/* Any of them may be what a record holds. */
	[DRAIN_DRAINING] = {"draining", TO(STOPPING) | TO(DRAINED) | TO(ENDED), 0,
			    STATE_MACHINE_INITIAL},
	[DRAIN_STOPPING] = {"stopping", TO(DRAINED), 0, STATE_MACHINE_INITIAL},
	[DRAIN_DRAINED] = {"drained", 0, 0, STATE_MACHINE_INITIAL | STATE_MACHINE_FINAL},
	[DRAIN_ENDED] = {"ended", TO(DRAINED), 0, STATE_MACHINE_INITIAL},
};

const struct state_machine_type drain_machine = {
	.name = "drain",
	.states = states,
	.count = DRAIN_STATE_COUNT,
};

const char *drain_state_name(enum drain_state state)
{
	return states[state].name;
}

bool drain_is_active(const struct zhost_drain *d)
{
	return d != NULL && (d->state == DRAIN_DRAINING || d->state == DRAIN_STOPPING);
}

struct zhost_drain *drain_new(enum drain_state state, const char *by)
{
	struct zhost_drain *d = mem_new(struct zhost_drain);
	state_machine_begin(&drain_machine, d, &d->state, state);
	d->by = mem_strdup(by);
	d->deadline_ms = NEVER_MS;
	return d;
}

void drain_forget_left(struct zhost_drain *d)
{
	vector_for_each (&d->left, one) {
		free(one->name);
		free(one->why);
	}
	vector_done(&d->left);
}

void drain_free(struct zhost_drain *d)
{
	if (d == NULL)
		return;
	drain_forget_left(d);
	free(d->by);
	free(d);
}

void drain_add_left(struct zhost_drain *d, const char *application, const char *path,
		    char *take_why)
{
	*vector_add(&d->left) = (struct drain_left){
		.name = str_printf("%s/%s", application, path), .why = take_why};
}
