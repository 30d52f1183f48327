#include "zsim/world/simulation.h"

#include <stdlib.h>

#include "base/str.h"
#include "zsim/world/controller.h"
#include "zsim/world/dispatch.h"
#include "zsim/world/driver.h"
#include "zsim/world/event.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/members.h"
#include "zsim/world/world.h"

#define SETTLE_MAX_MS INT64_C(3600000)
/* More at one instant is a loop that never ends. */
#define INSTANT_MAX_STEPS 1000000

/* ---- birth and end ---- */

void world_init(struct world *w, const struct world_options *options)
{
	*w = (struct world){.options = *options};
	w->cluster = world_uuid(w, "cluster");
}

void world_done(struct world *w)
{
	controller_free(w, 0);
	members_done(w);
	vector_for_each (&w->machines, n)
		machine_free(*n);
	vector_done(&w->machines);
	for (size_t i = 0; i < w->queue.count; i++)
		sim_event_free(container_of(w->queue.nodes[i], struct sim_event, node));
	free(w->queue.nodes);
	vector_for_each (&w->zrms_backlog, event)
		sim_event_free(*event);
	vector_done(&w->zrms_backlog);
	sim_disk_done(&w->disk);
	vector_for_each (&w->failures, f)
		free(f->version);
	vector_for_each (&w->failures, f)
		free(f->name);
	vector_done(&w->failures);
	vector_for_each (&w->illnesses, i) {
		free(i->name);
		free(i->version);
	}
	vector_done(&w->illnesses);
	vector_for_each (&w->log, line)
		free(*line);
	vector_done(&w->log);
	drivers_done(w);
	api_tokens_done(w);
	vector_done(&w->links);
	free(w->cluster);
	free(w->violation);
}

/* ---- time ---- */

/* The first machine whose zhost has an open batch. */
static struct sim_machine *filling_machine(const struct world *w)
{
	vector_for_each (&w->machines, n)
		if (machine_executes(*n) && agent_loop_is_due((*n)->commits))
			return *n;
	return NULL;
}

static struct sim_machine *due_machine(const struct world *w)
{
	vector_for_each (&w->machines, n)
		if (machine_executes(*n) && agent_next_ms((*n)->agent) <= w->now_ms)
			return *n;
	return NULL;
}

static bool step_formers(struct world *w)
{
	vector_for_each (&w->formers, life)
		if (former_step(*life))
			return true;
	return false;
}

/* What has come while a zrms stood still, before anything that comes later: links keep their order. */
static struct sim_event *next_held(struct world *w)
{
	struct sim_event *oldest = NULL;
	if (w->zrms_backlog.count > 0 && !controller_stalls(w)) {
		oldest = w->zrms_backlog.items[0];
		vector_remove_at(&w->zrms_backlog, 0);
	}
	vector_for_each (&w->formers, life)
		if (oldest == NULL && (*life)->backlog.count > 0 && !former_stalls(w, *life)) {
			oldest = (*life)->backlog.items[0];
			vector_remove_at(&(*life)->backlog, 0);
		}
	return oldest;
}

static bool takes_more(const struct world *w)
{
	return w->hooks.batch_more != NULL && w->hooks.batch_more(w->hooks.user);
}

/* Messages and results come before timers, and those of zhosts before those of zrms: what
 * arrives at the instant of a check has arrived. */
static bool step_now(struct world *w)
{
	struct heap_node *first = heap_first(&w->queue);
	bool stalls = controller_stalls(w);
	struct sim_event *held = next_held(w);
	if (held != NULL) {
		world_dispatch(w, held);
		return true;
	}
	if (w->control != NULL && !stalls && control_loop_is_due(w->commits) &&
	    (first == NULL || first->key > w->now_ms || !takes_more(w))) {
		controller_turn(w);
		return true;
	}
	struct sim_machine *filling = filling_machine(w);
	if (filling != NULL && (first == NULL || first->key > w->now_ms || !takes_more(w))) {
		machine_turn(w, filling);
		return true;
	}
	if (first != NULL && first->key <= w->now_ms) {
		heap_remove(&w->queue, first);
		world_dispatch(w, container_of(first, struct sim_event, node));
		return true;
	}
	struct sim_machine *n = due_machine(w);
	if (n != NULL) {
		machine_take(w, n, &(struct agent_input){.type = AGENT_TICK});
		return true;
	}
	if (w->control != NULL && !stalls && control_next_ms(w->control) <= w->now_ms) {
		controller_take(w, &(struct control_input){.type = CONTROL_TICK});
		return true;
	}
	return step_formers(w) || members_step(w);
}

static int64_t next_ms(const struct world *w)
{
	struct heap_node *first = heap_first(&w->queue);
	int64_t next = first != NULL ? first->key : NEVER_MS;
	vector_for_each (&w->machines, n) {
		int64_t t = machine_executes(*n) ? agent_next_ms((*n)->agent) : NEVER_MS;
		if (t < next)
			next = t;
	}
	int64_t t = w->control != NULL ? control_next_ms(w->control) : NEVER_MS;
	if (controller_stalls(w))
		t = w->zrms_stalls_until_ms;
	vector_for_each (&w->formers, life)
		if (former_next_ms(w, *life) < next)
			next = former_next_ms(w, *life);
	if (members_next_ms(w) < next)
		next = members_next_ms(w);
	return t < next ? t : next;
}

void world_drain(struct world *w)
{
	for (size_t steps = 0; step_now(w); steps++) {
		if (w->hooks.after_step != NULL)
			w->hooks.after_step(w->hooks.user);
		if (steps > INSTANT_MAX_STEPS) {
			world_violate(w, "it never settles at %.3f s",
				      (double)w->now_ms / 1000.0);
			return;
		}
		if (w->violation != NULL)
			return;
	}
}

void world_run_until(struct world *w, const bool *is_done, int64_t until_ms)
{
	uint64_t life = w->zrms_life;
	size_t steps = 0;
	while (!*is_done && w->violation == NULL && w->control != NULL &&
	       w->zrms_life == life && steps++ < INSTANT_MAX_STEPS) {
		int64_t next = next_ms(w);
		if (step_now(w)) {
			if (w->hooks.after_step != NULL)
				w->hooks.after_step(w->hooks.user);
		} else if (next > until_ms) {
			return;
		} else {
			w->now_ms = next;
		}
	}
}

bool world_step(struct world *w, int64_t until_ms)
{
	world_drain(w);
	if (w->violation != NULL)
		return false;
	int64_t next = next_ms(w);
	if (next > until_ms) {
		w->now_ms = until_ms > w->now_ms ? until_ms : w->now_ms;
		return false;
	}
	w->now_ms = next;
	world_drain(w);
	return w->violation == NULL;
}

void world_advance(struct world *w, int64_t duration_ms)
{
	int64_t until = w->now_ms + duration_ms;
	while (world_step(w, until))
		;
}

char *world_in_flight(const struct world *w)
{
	char *what = NULL;
	if (w->foreground > 0)
		return str_printf("messages and actions that are under way: %zu",
				  w->foreground);
	vector_for_each (&w->machines, n)
		if (machine_executes(*n) && agent_is_busy((*n)->agent, &what))
			return what;
	if (w->control != NULL && control_is_busy(w->control, world_instant(w), &what))
		return what != NULL ? what : mem_strdup("zrms waits");
	return NULL;
}

bool world_settle(struct world *w, char **ret_left)
{
	int64_t until = w->now_ms + SETTLE_MAX_MS;
	world_drain(w);
	for (;;) {
		char *left = w->violation != NULL ? NULL : world_in_flight(w);
		if (left == NULL)
			return true;
		if (!world_step(w, until)) {
			*ret_left = w->violation != NULL
					    ? (free(left), mem_strdup(w->violation))
					    : left;
			return false;
		}
		free(left);
	}
}
