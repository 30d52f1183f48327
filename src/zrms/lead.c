#include "zrms/lead.h"

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* What was asked, until it is answered. */
struct lead_call {
	struct lead *lead;
	uint64_t number;
};

struct lead {
	struct loop *loop;
	struct election *election;
	struct loop_timer *timer;
	struct leader *leader;
	struct leader_outbox outbox;
	VECTOR(struct lead_call *) asked;
	const struct lead_listener *listener;
	void *user;
	uint64_t fence, term;
	uint64_t lease;	    /* as it was asked for last */
	bool is_held;	    /* renewed by the election itself */
	int64_t promise_ms; /* as it was told */
	uint64_t said;	    /* the fence of the leader that was logged */
	bool is_silent;	    /* the last call had no answer, which was logged */
	/* The end, once it resigns. */
	bool is_ending;
	void (*done)(void *user);
	void *done_user;
};

/* ---- the end ---- */

static void closed(void *user)
{
	struct lead *l = user;
	void (*done)(void *) = l->done;
	void *done_user = l->done_user;
	vector_for_each (&l->asked, call)
		free(*call);
	vector_done(&l->asked);
	leader_outbox_done(&l->outbox);
	leader_free(l->leader);
	free(l);
	if (done != NULL)
		done(done_user);
}

static void close_election(struct lead *l)
{
	loop_timer_free(steal_ptr(&l->timer));
	l->election->ops->close(l->election, closed, l);
}

/* ---- what core/leader asks for ---- */

static void step(struct lead *l);

static struct lead_call *call_new(struct lead *l, uint64_t number)
{
	struct lead_call *call = mem_new(struct lead_call);
	*call = (struct lead_call){l, number};
	vector_push(&l->asked, call);
	return call;
}

static void call_free(struct lead_call *call)
{
	struct lead *l = call->lead;
	for (size_t i = 0; i < l->asked.count; i++)
		if (l->asked.items[i] == call) {
			vector_remove_at(&l->asked, i);
			break;
		}
	free(call);
}

static void note_silence(struct lead *l, const struct election_answer *answer)
{
	bool is_silent = answer->outcome == ELECTION_UNKNOWN;
	if (is_silent && !l->is_silent)
		log_warn("leader", "etcd.silent", LOG_E(answer->error),
			 LOG_S("then", "it is asked again until it answers"));
	l->is_silent = is_silent;
}

static void on_answer(void *user, const struct election_answer *answer)
{
	struct lead_call *call = user;
	struct lead *l = call->lead;
	uint64_t number = call->number;
	call_free(call);
	note_silence(l, answer);
	leader_answer(l->leader, loop_now(l->loop), number, answer, &l->outbox);
	step(l);
}

static void call(struct lead *l, const struct leader_call *c)
{
	const struct election_ops *ops = l->election->ops;
	struct lead_call *waiting = call_new(l, c->number);
	if (c->lease != 0)
		l->lease = c->lease;
	switch (c->type) {
	case LEADER_CALL_GRANT:
		ops->grant(l->election, c->ttl_ms, on_answer, waiting);
		return;
	case LEADER_CALL_KEEP_ALIVE:
		ops->keep_alive(l->election, c->lease, on_answer, waiting);
		return;
	case LEADER_CALL_CAMPAIGN:
		ops->campaign(l->election, c->lease, &c->self, on_answer, waiting);
		return;
	case LEADER_CALL_ANNOUNCE:
		ops->announce(l->election, c->lease, &c->self, on_answer, waiting);
		return;
	case LEADER_CALL_OBSERVE:
		ops->observe(l->election, on_answer, waiting);
		return;
	case LEADER_CALL_REVOKE:
		ops->revoke(l->election, c->lease, on_answer, waiting);
		return;
	}
	IMPOSSIBLE("unknown call of core/leader");
}

/* ---- what it says ---- */

static void note_leader(struct lead *l)
{
	const struct election_leader *known = leader_known(l->leader);
	if (known->fence == 0 || known->fence == l->said ||
	    leader_role(l->leader) == LEADER_LEADING)
		return;
	l->said = known->fence;
	log_info("leader", "waiting", LOG_S("leader", known->member.name),
		 LOG_S("address", known->member.address), LOG_U("term", known->term));
}

static void note_promise(struct lead *l)
{
	int64_t promise_ms = leader_promise_ms(l->leader);
	if (promise_ms == l->promise_ms)
		return;
	l->promise_ms = promise_ms;
	l->listener->promises(l->user, promise_ms);
}

/* While zrms loads, the loop stands still for longer than the lease lasts. */
static void hold(struct lead *l, bool is_held)
{
	if (l->is_held == is_held || l->election->ops->hold == NULL)
		return;
	l->is_held = is_held;
	l->election->ops->hold(l->election, is_held ? l->lease : 0);
}

/* True: it may be gone. */
static bool notice(struct lead *l, const struct leader_notice *n)
{
	switch (n->type) {
	case LEADER_LEADS:
		l->fence = n->fence;
		l->term = n->term;
		log_info("leader", "won", LOG_U("term", l->term));
		hold(l, true);
		if (!l->is_ending)
			l->listener->leads(l->user);
		return false;
	case LEADER_YIELDS:
		log_info("leader", "yields", LOG_S("to", leader_moves_to(l->leader)));
		if (!l->is_ending)
			l->listener->yields(l->user);
		return false;
	case LEADER_ENDS:
		if (l->is_ending)
			close_election(l);
		else
			l->listener->ends(l->user, n->why);
		return true;
	}
	return false;
}

/* What follows from the last input; the callers return at once. */
static void step(struct lead *l)
{
	struct leader_outbox out = l->outbox;
	l->outbox = (struct leader_outbox){0};
	vector_for_each (&out.calls, c)
		call(l, c);
	note_leader(l);
	note_promise(l);
	if (l->timer != NULL)
		loop_timer_at(l->timer, leader_next_ms(l->leader));
	vector_for_each (&out.notices, n)
		if (notice(l, n))
			break;
	leader_outbox_done(&out);
}

static void on_time(void *user)
{
	struct lead *l = user;
	hold(l, false);
	leader_tick(l->leader, loop_now(l->loop), &l->outbox);
	step(l);
}

/* ---- life ---- */

struct lead *lead_new(struct loop *loop, struct election *take_election,
		      const struct leader_config *config, const struct lead_listener *listener,
		      void *user)
{
	struct lead *l = mem_new(struct lead);
	l->loop = loop;
	l->election = take_election;
	l->leader = leader_new(config);
	l->listener = listener;
	l->user = user;
	l->promise_ms = leader_promise_ms(l->leader);
	l->timer = loop_timer_new(loop, on_time, l);
	loop_timer_at(l->timer, loop_now(loop).mono_ms);
	return l;
}

uint64_t lead_fence(const struct lead *l)
{
	return l->fence;
}

uint64_t lead_term(const struct lead *l)
{
	return l->term;
}

int64_t lead_promise_ms(const struct lead *l)
{
	return leader_promise_ms(l->leader);
}

const struct leader *lead_seen(const struct lead *l)
{
	return l->leader;
}

int lead_move(struct lead *l, const char *name, struct error **err)
{
	int r = leader_move(l->leader, loop_now(l->loop), name, &l->outbox, err);
	step(l);
	return r;
}

struct lead_forgetting {
	char *name;
	lead_forgotten_fn *done;
	void *user;
};

static void on_forgotten(void *user, const struct election_answer *answer)
{
	struct lead_forgetting *f = user;
	CLEANUP(error_freep) struct error *err = NULL;
	bool is_known = false;
	for (size_t i = 0; i < answer->known_count; i++)
		is_known |= str_equal(answer->known[i].name, f->name);
	if (answer->outcome != ELECTION_DONE)
		(void)error_set(&err, ERR_UNAVAILABLE,
				"etcd has not said whether %s is forgotten: try again",
				f->name);
	else if (is_known)
		(void)error_set(&err, ERR_CONFLICT, "%s has come back in this moment", f->name);
	f->done(f->user, err);
	free(f->name);
	free(f);
}

int lead_forget(struct lead *l, const char *name, lead_forgotten_fn *done, void *user,
		struct error **err)
{
	int r = leader_may_forget(l->leader, name, err);
	if (r < 0)
		return r;
	struct lead_forgetting *f = mem_new(struct lead_forgetting);
	*f = (struct lead_forgetting){mem_strdup(name), done, user};
	l->election->ops->forget(l->election, l->fence, name, on_forgotten, f);
	return 0;
}

void lead_set_copied(struct lead *l, const struct election_copied *copied)
{
	leader_set_copied(l->leader, copied);
	if (l->timer != NULL)
		loop_timer_at(l->timer, leader_next_ms(l->leader));
}

void lead_resign(struct lead *l, void (*done)(void *user), void *user)
{
	hold(l, false);
	l->is_ending = true;
	l->done = done;
	l->done_user = user;
	leader_resign(l->leader, loop_now(l->loop), &l->outbox);
	bool is_told = l->outbox.notices.count > 0;
	bool waits = leader_next_ms(l->leader) != NEVER_MS;
	step(l);
	if (!is_told && !waits) /* it was deposed before, which says no more */
		close_election(l);
}
