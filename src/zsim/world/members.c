#include "zsim/world/members.h"

#include <stdlib.h>

#include "base/str.h"
#include "zsim/world/controller.h"
#include "zsim/world/event.h"
#include "zsim/world/world.h"

#define RESTARTS_MS 500

static void take_outbox(struct sim_member *m);

/* ---- calls of its election ---- */

enum stage { STAGE_ARRIVES, STAGE_ANSWERED };

/* Whose call it is: its answer may come when the one that asked is dead. */
struct sim_ticket {
	struct sim_member *member;
	uint64_t number;
};

static struct instant now_of(const struct sim_member *m)
{
	return world_instant(m->world);
}

static void on_answer(void *user, const struct election_answer *answer)
{
	struct sim_ticket ticket = *(struct sim_ticket *)user;
	free(user);
	struct sim_member *m = ticket.member;
	leader_answer(m->leader, now_of(m), ticket.number, answer, &m->outbox);
}

static int64_t delay_of(const struct world *w)
{
	return w->hooks.election_delay != NULL ? w->hooks.election_delay(w->hooks.user) : 0;
}

static int64_t in_order(int64_t *last_ms, int64_t at_ms)
{
	if (at_ms > *last_ms)
		*last_ms = at_ms;
	return *last_ms;
}

static void plan_stage(struct sim_member *m, enum stage stage, int64_t at_ms)
{
	struct sim_event *h = world_plan(m->world, at_ms, SIM_EVENT_ELECTION);
	h->machine = MACHINE_NONE;
	h->number = m->index;
	h->life = m->run;
	h->link_id = stage;
}

static void ask(struct sim_member *m, const struct leader_call *call)
{
	const struct election_ops *ops = m->election->ops;
	struct sim_ticket *ticket = mem_new(struct sim_ticket);
	*ticket = (struct sim_ticket){m, call->number};
	switch (call->type) {
	case LEADER_CALL_GRANT:
		ops->grant(m->election, call->ttl_ms, on_answer, ticket);
		break;
	case LEADER_CALL_KEEP_ALIVE:
		ops->keep_alive(m->election, call->lease, on_answer, ticket);
		break;
	case LEADER_CALL_CAMPAIGN:
		ops->campaign(m->election, call->lease, &call->self, on_answer, ticket);
		break;
	case LEADER_CALL_ANNOUNCE:
		ops->announce(m->election, call->lease, &call->self, on_answer, ticket);
		break;
	case LEADER_CALL_OBSERVE:
		ops->observe(m->election, on_answer, ticket);
		break;
	case LEADER_CALL_REVOKE:
		ops->revoke(m->election, call->lease, on_answer, ticket);
		break;
	}
	int64_t arrives = in_order(&m->asked_ms, m->world->now_ms + delay_of(m->world));
	plan_stage(m, STAGE_ARRIVES, arrives);
	plan_stage(m, STAGE_ANSWERED, in_order(&m->answered_ms, arrives + delay_of(m->world)));
}

/* ---- its life ---- */

static struct sim_life *life_of(const struct sim_member *m)
{
	const struct world *w = m->world;
	if (m->life == 0)
		return NULL;
	if (w->life != NULL && w->life->number == m->life)
		return w->life;
	return former_find(w, m->life);
}

static int64_t paused_until(const struct sim_member *m)
{
	const struct world *w = m->world;
	const struct sim_life *life = life_of(m);
	if (life != NULL)
		return life == w->life ? w->zrms_stalls_until_ms : life->stalls_until_ms;
	return m->paused_until_ms;
}

static bool drawn(const struct world *w, bool (*hook)(void *))
{
	return hook != NULL && hook(w->hooks.user);
}

/* It hears of what was written, as far as it does. */
static void watch(struct sim_member *m)
{
	const struct world *w = m->world;
	if (w->now_ms < m->cut_until_ms || drawn(w, w->hooks.watch_is_late))
		return;
	if (drawn(w, w->hooks.watch_is_lost))
		watching_begin(&m->watching);
	watching_turn(&m->watching, w);
}

static void start(struct sim_member *m)
{
	watching_begin(&m->watching);
	m->run++;
	m->life = 0;
	m->yields = false;
	m->asked_ms = m->answered_ms = m->world->now_ms;
	m->leader = leader_new(
		&(struct leader_config){.name = m->name, .address = m->name, .version = "sim"});
	m->election = sim_election_new(&m->world->seat);
	world_log(m->world, "%s starts, and stands by", m->name);
}

/* What it had asked may still happen. */
static void end(struct sim_member *m, int64_t restarts_ms)
{
	if (m->leader == NULL)
		return;
	world_log(m->world, "%s ends", m->name);
	leader_free(steal_ptr(&m->leader));
	leader_outbox_done(&m->outbox);
	sim_election_abandon(m->election);
	m->election->ops->close(steal_ptr(&m->election), NULL, NULL);
	m->run++;
	m->life = 0;
	m->starts_ms = m->world->now_ms + restarts_ms;
}

void member_kill(struct sim_member *m, int64_t restarts_ms)
{
	struct sim_life *life = life_of(m);
	if (m->leader == NULL)
		return;
	if (life != NULL && life == m->world->life)
		controller_crash(m->world);
	else if (life != NULL)
		former_end(life);
	end(m, restarts_ms);
}

static void lead(struct sim_member *m, const struct leader_notice *notice)
{
	struct world *w = m->world;
	w->seat.now_ms = w->now_ms;
	if (sim_seat_fence(&w->seat) != notice->fence) {
		world_log(w, "%s hears late that it had won: its first write is refused",
			  m->name);
		return;
	}
	controller_depose(w);
	world_log(w, "%s leads", m->name);
	if (w->hooks.zrms_starts != NULL)
		w->hooks.zrms_starts(w->hooks.user);
	watch(m); /* it waits a moment for the last of them */
	controller_start_elected(w, notice->term, notice->fence, &m->watching);
	if (w->life == NULL)
		return; /* its store cannot be read, or it died: members_step() */
	m->life = w->life->number;
	if (w->hooks.zrms_started != NULL)
		w->hooks.zrms_started(w->hooks.user);
}

static void set_promise(const struct sim_member *m)
{
	const struct sim_life *life = life_of(m);
	if (life != NULL && m->leader != NULL)
		control_set_promise(life->control, leader_promise_ms(m->leader));
}

static void take_outbox(struct sim_member *m)
{
	struct leader_outbox out = m->outbox;
	bool ends = false;
	m->outbox = (struct leader_outbox){0};
	vector_for_each (&out.calls, call)
		ask(m, call);
	set_promise(m);
	vector_for_each (&out.notices, notice)
		switch (notice->type) {
		case LEADER_LEADS:
			lead(m, notice);
			ends |= m->life == 0;
			break;
		case LEADER_YIELDS:
			m->yields = true;
			break;
		case LEADER_ENDS:
			world_log(m->world, "%s: %s", m->name, notice->why);
			ends = true;
			break;
		}
	set_promise(m);
	leader_outbox_done(&out);
	if (ends)
		member_kill(m, RESTARTS_MS);
}

/* ---- steps ---- */

/* What leads has finished: its place is free at once. */
static bool finish(struct sim_member *m)
{
	struct world *w = m->world;
	const struct sim_life *life = life_of(m);
	if (!m->yields || life == NULL || life != w->life ||
	    !control_loop_is_idle(life->commits))
		return false;
	m->yields = false;
	controller_crash(w);
	leader_resign(m->leader, now_of(m), &m->outbox);
	take_outbox(m);
	return true;
}

static bool step_one(struct sim_member *m)
{
	struct world *w = m->world;
	if (m->leader == NULL) {
		if (m->starts_ms > w->now_ms)
			return false;
		start(m);
		return true;
	}
	if (m->life != 0 && life_of(m) == NULL && leader_role(m->leader) == LEADER_LEADING) {
		end(m, RESTARTS_MS); /* zrms died in its commit loop */
		return true;
	}
	if (paused_until(m) > w->now_ms)
		return false;
	if (finish(m))
		return true;
	if (leader_next_ms(m->leader) > w->now_ms)
		return false;
	if (m->life == 0)
		watch(m);
	leader_tick(m->leader, now_of(m), &m->outbox);
	take_outbox(m);
	return true;
}

bool members_step(struct world *w)
{
	vector_for_each (&w->members, m)
		if (step_one(*m))
			return true;
	return false;
}

int64_t members_next_ms(const struct world *w)
{
	int64_t next = NEVER_MS;
	vector_for_each (&w->members, one) {
		const struct sim_member *m = *one;
		int64_t at = m->leader == NULL ? m->starts_ms : leader_next_ms(m->leader);
		if (m->leader != NULL && paused_until(m) > at)
			at = paused_until(m);
		if (at < next)
			next = at;
	}
	return next;
}

void members_dispatch(struct world *w, const struct sim_event *h)
{
	struct sim_member *m = w->members.items[h->number];
	bool is_cut = w->now_ms < m->cut_until_ms;
	w->seat.now_ms = w->now_ms;
	if (m->run != h->life)
		return;
	if (h->link_id == STAGE_ARRIVES) {
		if (!is_cut)
			sim_election_carry_out(m->election);
		return;
	}
	if (paused_until(m) > w->now_ms) {
		plan_stage(m, STAGE_ANSWERED, paused_until(m));
		return;
	}
	if (is_cut ||
	    (w->hooks.election_is_lost != NULL && w->hooks.election_is_lost(w->hooks.user)))
		sim_election_lose(m->election);
	else
		sim_election_answer(m->election);
	take_outbox(m);
}

/* ---- faults ---- */

void member_cut(struct sim_member *m, int64_t duration_ms)
{
	struct world *w = m->world;
	world_log(w, "%s is cut off from the store for %lld ms", m->name,
		  (long long)duration_ms);
	m->cut_until_ms = w->now_ms + duration_ms;
	if (life_of(m) != NULL && life_of(m) == w->life)
		controller_cut(w, m->cut_until_ms);
}

bool member_move(struct sim_member *m)
{
	bool moves = leader_move(m->leader, now_of(m), NULL, &m->outbox, NULL) == 0;
	if (moves)
		world_log(m->world, "%s gives its place away", m->name);
	take_outbox(m);
	return moves;
}

struct sim_member *members_leading(const struct world *w)
{
	vector_for_each (&w->members, m)
		if (w->life != NULL && (*m)->life == w->life->number)
			return *m;
	return NULL;
}

void members_calm(struct world *w)
{
	w->zrms_stalls_until_ms = 0;
	vector_for_each (&w->formers, life)
		(*life)->stalls_until_ms = 0;
	vector_for_each (&w->members, m) {
		(*m)->paused_until_ms = (*m)->cut_until_ms = 0;
		if ((*m)->leader == NULL)
			(*m)->starts_ms = w->now_ms;
	}
}

void members_begin(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct sim_member *m = mem_new(struct sim_member);
		m->world = w;
		m->index = i;
		m->name = str_printf("zrms-%u", i + 1);
		vector_push(&w->members, m);
		start(m);
	}
}

void members_done(struct world *w)
{
	while (w->formers.count > 0)
		former_end(w->formers.items[0]);
	vector_for_each (&w->members, m) {
		end(*m, 0);
		watching_done(&(*m)->watching);
		free((*m)->name);
		free(*m);
	}
	vector_done(&w->formers);
	vector_done(&w->members);
	sim_seat_done(&w->seat);
}
