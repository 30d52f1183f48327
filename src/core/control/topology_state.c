#include "core/control/topology_state.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* It is to start, and cannot without help: no place is left for it, or no retry. */
static bool is_unhealthy(const struct copy *copy)
{
	const struct slot *s = copy->slot;
	if (s->goal != GOAL_DEPLOYED_STARTED || s->root->moving || copy_of(s->root)->seeking)
		return false;
	return (copy->placed_before && copy->no_place) || copy->exhausted;
}

void topology_state_count(struct copy *copy)
{
	struct deployment *d = deployment_of(copy->slot);
	bool unhealthy = is_unhealthy(copy);
	if (unhealthy == copy->unhealthy)
		return;
	copy->unhealthy = unhealthy;
	d->unhealthy += unhealthy ? 1u : 0u;
	d->unhealthy -= unhealthy ? 0u : 1u;
	mark_deployment(d, DEPLOYMENT_STATE);
}

static enum topology_state derive(const struct deployment *d)
{
	if (d->slots.to_start == 0)
		return d->ever_started ? TOPOLOGY_STOPPED : TOPOLOGY_PENDING;
	if (d->unhealthy > 0)
		return TOPOLOGY_FAILED;
	if (d->slots.to_start_started == d->slots.to_start)
		return TOPOLOGY_RUNNING;
	return d->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING;
}

static char *cause_of(const struct deployment *d, enum topology_state to)
{
	switch (to) {
	case TOPOLOGY_RUNNING:
		return mem_strdup("every space is running");
	case TOPOLOGY_STOPPED:
		return mem_strdup("nothing is asked to run any longer");
	case TOPOLOGY_FAILED:
		return mem_strdup(d->reason != NULL ? d->reason : "a space has no place");
	case TOPOLOGY_DEGRADED:
		return str_printf(
			"%u of %u spaces %s not running",
			d->slots.to_start - d->slots.to_start_started, d->slots.to_start,
			d->slots.to_start - d->slots.to_start_started == 1 ? "is" : "are");
	case TOPOLOGY_PENDING:
		return mem_strdup("waits for its spaces to be placed and started");
	}
	IMPOSSIBLE("no such state");
}

static void enter(struct deployment *d, struct event_emitter *emitter, enum topology_state to)
{
	enum topology_state from = d->state;
	CLEANUP(freep) char *cause = cause_of(d, to);
	state_machine_move(&topology_machine, d, &d->state, to);
	d->member.stopped = to == TOPOLOGY_STOPPED;
	d->updated_ms = emitter->now.wall_ms;
	emit_event(emitter, "topology", d->name, topology_state_name(from),
		   topology_state_name(to), d->id, cause);
}

static void settle(struct deployment *d, struct event_emitter *emitter)
{
	enum topology_state from = d->state, to = derive(d);
	d->ever_started = d->ever_started || d->slots.to_start > 0;
	if (to == TOPOLOGY_STOPPED && d->unhealthy == 0) {
		free(d->reason);
		d->reason = NULL;
	}
	if (from == TOPOLOGY_FAILED && to == TOPOLOGY_RUNNING) {
		/* What was lost came back before it was placed again: recovered, in one step. */
		enter(d, emitter, d->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING);
	}
	if (to == TOPOLOGY_RUNNING)
		d->was_running = true;
	else if (to == TOPOLOGY_STOPPED)
		d->was_running = false;
	if (d->state != to)
		enter(d, emitter, to);
}

void topology_states_settle(struct dirty_set *dirty, struct event_emitter *emitter)
{
	vector_for_each (&dirty->deployments, d) {
		if (((*d)->marks & DEPLOYMENT_STATE) == 0)
			continue;
		(*d)->marks &= ~(unsigned)DEPLOYMENT_STATE;
		(*d)->marks |= DEPLOYMENT_RECORD;
		settle(*d, emitter);
	}
}
