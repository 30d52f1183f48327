#include "core/control/state/topology_state.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* It is to start, and cannot without help: no place is left for it, or no retry. */
static bool is_unhealthy(const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	if (!slot_is_required(s) || s->state == STATE_DEPLOYED_STARTED || s->root->moving ||
	    control_of_slot(s->root)->seeking || slot_is_judged(s))
		return false;
	return (sc->placed_before && sc->no_place && !s->each) || slot_is_exhausted(sc) ||
	       sc->still_failed;
}

void topology_state_count(struct slot_control *sc)
{
	struct control_application *a = application_of(sc->slot);
	bool unhealthy = is_unhealthy(sc);
	if (unhealthy == sc->unhealthy)
		return;
	sc->unhealthy = unhealthy;
	a->unhealthy += unhealthy ? 1u : 0u;
	a->unhealthy -= unhealthy ? 0u : 1u;
	mark_application(a, APPLICATION_STATE);
}

/* It stays, and its goal would count. */
static bool is_required_by_nature(const struct slot *s)
{
	return !s->leaves && !s->unplaced && !slot_is_optional(s);
}

bool topology_waits_for_zhosts(const struct control_application *a)
{
	if (!a->has_each || !a->starts_each || a->slots.to_start > 0)
		return false;
	vector_for_each (&a->slots.slots, s)
		if (is_required_by_nature(*s))
			return false;
	return true;
}

static bool lacks_its_place(const struct slot *s)
{
	const struct slot_control *root = control_of_slot(s->root);
	return s->each && (root->no_place || root->lost);
}

/* All run but those of `count: each` that have no place on their zhosts: more will not come of it. */
static bool runs_as_far_as_it_fits(const struct control_application *a)
{
	if (!a->has_each || a->slots.to_start_started == 0)
		return false;
	vector_for_each (&a->slots.slots, s)
		if (slot_is_required(*s) && (*s)->state != STATE_DEPLOYED_STARTED &&
		    !lacks_its_place(*s))
			return false;
	return true;
}

static enum topology_state derive(const struct control_application *a)
{
	if (a->slots.to_start == 0 && !topology_waits_for_zhosts(a))
		return a->ever_started ? TOPOLOGY_STOPPED : TOPOLOGY_PENDING;
	if (a->slots.to_start == 0)
		return a->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING;
	if (a->unhealthy > 0)
		return TOPOLOGY_FAILED;
	if (a->slots.to_start_started == a->slots.to_start)
		return TOPOLOGY_RUNNING;
	return a->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING;
}

/* None: what was lost is back, and the topology passes `degraded` on its way to `running`. */
static char *degraded_cause(uint32_t missing, uint32_t all)
{
	if (missing == 0 && all == 0)
		return mem_strdup("no zhost fits what it has on each");
	if (missing == 0)
		return mem_strdup("all lost spaces are running again");
	return str_printf("%u of %u space%s %s not running", missing, all, str_plural(all),
			  str_are(missing));
}

static bool has_optional(const struct topology *t)
{
	for (unsigned k = 0; k < t->space_count; k++)
		if (t->spaces[k].optional)
			return true;
	return false;
}

static char *cause_of(const struct control_application *a, enum topology_state to)
{
	switch (to) {
	case TOPOLOGY_RUNNING:
		return mem_strdup(has_optional(a->topology)
					  ? "every space that is not optional is running"
					  : "every space is running");
	case TOPOLOGY_STOPPED:
		return mem_strdup("no space has the goal running");
	case TOPOLOGY_FAILED:
		return mem_strdup(a->reason.text != NULL ? a->reason.text
							 : "a space has no place");
	case TOPOLOGY_DEGRADED:
		return degraded_cause(a->slots.to_start - a->slots.to_start_started,
				      a->slots.to_start);
	case TOPOLOGY_PENDING:
		return mem_strdup("waits for its spaces to be placed and started");
	}
	IMPOSSIBLE("no such state");
}

static void enter(struct control_application *a, struct event_emitter *emitter,
		  enum topology_state to)
{
	enum topology_state from = a->state;
	CLEANUP(freep) char *cause = cause_of(a, to);
	state_machine_move(&topology_machine, a, &a->state, to);
	a->updated_ms = emitter->now.wall_ms;
	emit_event(emitter, "topology", a->name, topology_state_name(from),
		   topology_state_name(to), a->id, cause);
}

/* Everything that it declares runs. During a rollout that is for rollouts.h to say. */
static void complete_served(struct control_application *a, int64_t wall_ms)
{
	struct revision *served = a->application.served;
	a->application.completed = served->number;
	if (served->completed_ms == 0)
		served->completed_ms = wall_ms;
}

static void settle(struct control_application *a, struct event_emitter *emitter)
{
	enum topology_state from = a->state, to = derive(a);
	if (to == TOPOLOGY_PENDING && runs_as_far_as_it_fits(a)) {
		a->was_running = true;
		to = TOPOLOGY_DEGRADED;
	}
	a->ever_started = a->ever_started || a->slots.to_start > 0;
	if (to == TOPOLOGY_RUNNING || (to == TOPOLOGY_STOPPED && a->unhealthy == 0))
		failure_done(&a->reason);
	if (from == TOPOLOGY_FAILED && to == TOPOLOGY_RUNNING) {
		/* What was lost came back before it was placed again: recovered, in one step. */
		enter(a, emitter, a->was_running ? TOPOLOGY_DEGRADED : TOPOLOGY_PENDING);
	}
	if (from == TOPOLOGY_STOPPED && to == TOPOLOGY_DEGRADED)
		enter(a, emitter, TOPOLOGY_PENDING); /* it runs as far as it fits already */
	if (to == TOPOLOGY_RUNNING) {
		a->was_running = true;
		if (a->rollout == NULL)
			complete_served(a, emitter->now.wall_ms);
	} else if (to == TOPOLOGY_STOPPED) {
		a->was_running = a->starts_each = false;
	}
	if (a->state != to)
		enter(a, emitter, to);
}

void topology_states_settle(struct dirty_set *dirty, struct event_emitter *emitter)
{
	vector_for_each (&dirty->applications, a) {
		if (((*a)->marks & APPLICATION_STATE) == 0)
			continue;
		(*a)->marks &= ~(unsigned)APPLICATION_STATE;
		(*a)->marks |= APPLICATION_RECORD;
		settle(*a, emitter);
	}
}
