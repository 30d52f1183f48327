#include "zsim/world/machine_agent.h"

#include <stdlib.h>

#include "schema/message.h"
#include "zsim/world/action.h"
#include "zsim/world/event.h"
#include "zsim/world/link.h"
#include "zsim/world/messages.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* ---- orders ---- */

static void renew(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	struct sim_process *p = process_find(n, id);
	if (p == NULL || p->epoch != o->key->epoch)
		return;
	process_lease(w, n, p, o->stop_ms, o->deadline_ms);
}

/* Data is not written here. */
static void take_rights(struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	struct sim_process *p = process_find(n, id);
	if (p != NULL)
		messages_serve(p, o->serves);
}

/* The network answers, or does not, a moment later. */
static void try_address(struct world *w, const struct sim_machine *n, const char *address)
{
	struct sim_event *h = world_plan(w, w->now_ms + 1, SIM_EVENT_TRIED);
	h->machine = n->index;
	h->life = n->life;
	h->id = mem_strdup(address);
}

static void on_order(void *user, const struct agent_order *order)
{
	struct sim_machine *n = user;
	switch (order->type) {
	case ORDER_ACTION:
		action_begin(n->world, n, order);
		break;
	case ORDER_KILL:
		action_kill(n->world, n, order);
		break;
	case ORDER_RENEW:
		renew(n->world, n, order);
		break;
	case ORDER_TRY:
		try_address(n->world, n, order->text);
		break;
	case ORDER_WAITS:
		world_log(n->world, "%s/%s waits on %s: %s", order->spec->topology_name,
			  order->key->path, n->name, order->text);
		break;
	case ORDER_RIGHTS:
		take_rights(n, order);
		break;
	case ORDER_END:
		world_log(n->world, "%s ends: it was removed", n->name);
		n->death = MACHINE_AGENT_DIES;
		break;
	}
}

static void on_message(void *user, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct sim_machine *n = user;
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT) {
		uint64_t counter = ((const Samoza__V1__Heartbeat *)message)->counter;
		n->heartbeats[counter % HEARTBEATS_KEPT] =
			(struct sim_heartbeat){counter, n->link_id, n->world->now_ms};
	}
	ProtobufCMessage *said = older_protocol_from_agent(n->protocol, type, message);
	sim_link_send(n->world, n->link_id, false, type, said);
	if (said != message)
		schema_message_free(said);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct sim_machine *n = user;
	(void)outcome;
	world_log(n->world, "%s ends: %s", n->name, why->message);
	n->death = MACHINE_AGENT_DIES;
}

static void on_step(void *user, enum commit_step step)
{
	struct sim_machine *n = user;
	const struct world_hooks *hooks = &n->world->hooks;
	enum machine_death death = hooks->machine_dies_here != NULL
					   ? hooks->machine_dies_here(hooks->user, n, step)
					   : MACHINE_LIVES;
	if (death == MACHINE_LIVES)
		return;
	n->death = death;
	agent_loop_stop(n->commits);
}

const struct agent_loop_listener machine_agent_listener = {
	.on_order = on_order,
	.on_message = on_message,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

/* ---- its end ---- */

/* Its memory is lost; of the batches that wait for its disk, some are there. */
static void agent_end(struct world *w, struct sim_machine *n)
{
	if (n->agent == NULL)
		return;
	size_t waiting = sim_kv_waiting(n->kv);
	/* The last imports of its processes may not be on its disk. */
	if (n->is_torn || waiting > 0 || agent_loop_is_due(n->commits))
		for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
			free(steal_ptr(&p->imports));
	n->is_torn = false;
	size_t written = waiting > 0 && w->hooks.written_at_crash != NULL
				 ? w->hooks.written_at_crash(w->hooks.user, waiting)
				 : 0;
	agent_loop_stop(n->commits);
	sim_kv_crash(steal_ptr(&n->kv), written);
	agent_loop_free(steal_ptr(&n->commits));
	agent_free(steal_ptr(&n->agent));
	messages_end(n);
	n->death = MACHINE_LIVES;
}

void machine_stop_agent(struct world *w, struct sim_machine *n)
{
	if (n->agent == NULL)
		return;
	world_log(w, "%s: the zhost process is gone", n->name);
	agent_end(w, n);
	n->life++;
	/* A process that was asked to stop continues to stop. Whether an update reached its
	 * process is unknown. */
	for (struct action *a = n->actions; a != NULL; a = a->hh.next) {
		struct sim_process *p = process_find(n, a->id);
		if (p != NULL && a->kind == ACTION_UPDATE)
			free(steal_ptr(&p->imports));
		if (p != NULL && a->kind == ACTION_STOP)
			process_free(n, p);
	}
	actions_drop(n);
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next) {
		p->orphan_ms = w->now_ms + WORLD_ORPHAN_MS;
		process_plan_end(w, n, p, p->orphan_ms);
	}
	if (n->link_id != 0)
		sim_link_break(w, n->link_id, true, false);
	n->link_id = 0;
}

void machine_wake(struct world *w, struct sim_machine *n)
{
	n->suspended = false;
	vector_for_each (&n->delayed, h)
		world_plan_delayed(w, *h);
	vector_clear(&n->delayed);
}

void machine_kill(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s: the machine dies", n->name);
	machine_wake(w, n);
	agent_end(w, n);
	n->life++;
	n->powered = false;
	actions_drop(n);
	processes_drop(n);
	if (n->link_id != 0)
		sim_link_break(w, n->link_id, false, false);
	n->link_id = 0;
}

/* A zhost dies inside of its own calls: frees what is left of it once they have returned. */
static void end_dead(struct world *w, struct sim_machine *n)
{
	enum machine_death death = n->death;
	n->death = MACHINE_LIVES;
	n->is_torn = death != MACHINE_LIVES;
	if (death == MACHINE_AGENT_DIES)
		machine_stop_agent(w, n);
	else if (death == MACHINE_DIES)
		machine_kill(w, n);
}

/* ---- its disk ---- */

static bool answers_at_once(const struct sim_machine *n)
{
	return n->world->hooks.commit_delay == NULL && n->disk_delay_ms == 0;
}

static void on_asked(void *user)
{
	struct sim_machine *n = user;
	struct world *w = n->world;
	if (answers_at_once(n))
		return; /* at the end of the turn */
	int64_t at = w->now_ms + (w->hooks.commit_delay != NULL
					  ? w->hooks.commit_delay(w->hooks.user, n)
					  : n->disk_delay_ms);
	if (at < n->commit_ms)
		at = n->commit_ms; /* in order */
	n->commit_ms = at;
	struct sim_event *h = world_plan(w, at, SIM_EVENT_COMMITTED);
	h->machine = n->index;
	h->life = n->life;
}

static bool on_load(void *user)
{
	const struct sim_machine *n = user;
	struct world *w = n->world;
	w->load_fails =
		w->hooks.load_fails != NULL && w->hooks.load_fails(w->hooks.user, false);
	return w->load_fails;
}

static void answer_commit(struct sim_machine *n)
{
	const struct world_hooks *hooks = &n->world->hooks;
	bool is_written = true;
	enum commit_outcome outcome =
		hooks->commit_outcome != NULL
			? hooks->commit_outcome(hooks->user, n, &is_written)
			: COMMIT_DURABLE;
	if (sim_kv_waiting(n->kv) > 0)
		sim_kv_answer(n->kv, outcome, is_written);
}

const struct sim_kv_hooks machine_kv_hooks = {.asked = on_asked, .load_fails = on_load};

/* ---- turns ---- */

void machine_answer_commit(struct world *w, struct sim_machine *n)
{
	answer_commit(n);
	end_dead(w, n);
}

/* All at once. */
static void answer_commits(struct sim_machine *n)
{
	while (n->death == MACHINE_LIVES && sim_kv_waiting(n->kv) > 0)
		answer_commit(n);
}

void machine_turn(struct world *w, struct sim_machine *n)
{
	(void)agent_loop_turn(n->commits);
	if (answers_at_once(n))
		answer_commits(n);
	end_dead(w, n);
}

void machine_take(struct world *w, struct sim_machine *n, const struct agent_input *input)
{
	agent_loop_input(n->commits, world_instant(w), input);
	if (n->death == MACHINE_LIVES && w->hooks.batch_more == NULL)
		machine_turn(w, n);
	else
		end_dead(w, n);
}
