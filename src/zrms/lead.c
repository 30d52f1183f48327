#include "zrms/lead.h"

#include <inttypes.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/memory.h"
#include "base/str.h"

enum {
	TTL_MS = 5000,
	RENEW_MS = 1000, /* while it leads */
	ASK_MS = 500,	 /* while another does */
	AGAIN_MS = 200,	 /* after no answer */
	/* Of a lease, in percent: two clocks do not run at the same speed. */
	MARGIN_PERCENT = 10,
};

struct lead {
	struct loop *loop;
	struct election *election;
	struct loop_timer *timer;
	struct election_member self; /* strings are owned */
	uint64_t lease;		     /* 0: none */
	uint64_t fence, term;	     /* of this win; 0: not yet */
	int64_t asked_ms;    /* monotonic: when the lease was asked for, or to be renewed */
	int64_t promised_ms; /* monotonic: nobody else leads before */
	void (*promise)(void *user, int64_t until_ms);
	void *promise_user;
	uint64_t other_fence; /* of the leader that it waits for, as it was logged */
	bool is_waiting_said, is_ending;
	bool is_decided; /* it leads, or `error` */
	struct error *error;
	void (*done)(void *user);
	void *user;
};

static void lead_free(void *user)
{
	struct lead *l = user;
	void (*done)(void *) = l->done;
	void *done_user = l->user;
	free((char *)l->self.name);
	free((char *)l->self.address);
	free((char *)l->self.version);
	error_free(l->error);
	free(l);
	if (done != NULL)
		done(done_user);
}

static void ask_again(struct lead *l, int64_t after_ms)
{
	if (!l->is_ending)
		loop_timer_at(l->timer, loop_now(l->loop).mono_ms + after_ms);
}

/* It lives on for `ttl_ms` after it was asked, which is before it was granted. */
static void promise(struct lead *l, int64_t ttl_ms)
{
	l->promised_ms = l->asked_ms + ttl_ms - ttl_ms * MARGIN_PERCENT / 100;
	if (l->promise != NULL)
		l->promise(l->promise_user, l->promised_ms);
}

/* lead_win() goes on. */
static void decided(struct lead *l)
{
	l->is_decided = true;
	loop_stop(l->loop);
}

/* True: there is no answer to go on with. */
static bool is_unanswered(struct lead *l, const struct election_answer *a)
{
	if (l->is_ending)
		return true;
	if (a->outcome == ELECTION_DONE)
		return false;
	if (a->outcome == ELECTION_REFUSED && l->fence == 0) {
		(void)error_set(&l->error, a->error->code, "%s", a->error->message);
		decided(l);
		return true;
	}
	if (!l->is_waiting_said)
		log_warn("leader", "etcd.silent", LOG_E(a->error),
			 LOG_S("then", "it is asked again until it answers"));
	l->is_waiting_said = true;
	ask_again(l, AGAIN_MS);
	return true;
}

static void on_campaign(void *user, const struct election_answer *a)
{
	struct lead *l = user;
	if (is_unanswered(l, a))
		return;
	if (a->leader.fence != 0 && a->leader.lease == l->lease) {
		l->fence = a->leader.fence;
		l->term = a->leader.term;
		l->is_waiting_said = false;
		decided(l);
		log_info("leader", "won", LOG_U("term", l->term));
		ask_again(l, RENEW_MS);
		return;
	}
	if (a->leader.fence != 0 && a->leader.fence != l->other_fence) {
		log_info("leader", "waiting", LOG_S("leader", a->leader.member.name),
			 LOG_S("address", a->leader.member.address),
			 LOG_U("term", a->leader.term));
		l->other_fence = a->leader.fence;
	}
	ask_again(l, a->leader.fence != 0 ? ASK_MS : 0);
}

static void campaign(struct lead *l)
{
	l->election->ops->campaign(l->election, l->lease, &l->self, on_campaign, l);
}

static void on_granted(void *user, const struct election_answer *a)
{
	struct lead *l = user;
	if (is_unanswered(l, a))
		return;
	l->lease = a->lease;
	promise(l, a->ttl_ms);
	campaign(l);
}

static void on_kept(void *user, const struct election_answer *a)
{
	struct lead *l = user;
	if (is_unanswered(l, a))
		return;
	if (a->ttl_ms > 0)
		promise(l, a->ttl_ms);
	if (a->ttl_ms > 0 && l->fence != 0) {
		l->is_waiting_said = false;
		ask_again(l, RENEW_MS);
	} else if (a->ttl_ms > 0) {
		campaign(l);
	} else if (l->fence == 0) {
		l->lease = 0;
		ask_again(l, 0);
	} else {
		log_error("leader", "lost", LOG_U("term", l->term),
			  LOG_S("why", "its lease has ended: it was not renewed in time"),
			  LOG_S("then",
				"exiting: another zrms may lead; no acknowledged change "
				"is lost"));
		_exit(1);
	}
}

static void on_time(void *user)
{
	struct lead *l = user;
	l->asked_ms = loop_now(l->loop).mono_ms;
	if (l->lease == 0)
		l->election->ops->grant(l->election, TTL_MS, on_granted, l);
	else
		l->election->ops->keep_alive(l->election, l->lease, on_kept, l);
}

int lead_win(struct loop *loop, struct election *take_election,
	     const struct election_member *self, struct lead **ret_lead, struct error **err)
{
	struct lead *l = mem_new(struct lead);
	l->loop = loop;
	l->election = take_election;
	l->self = (struct election_member){.name = mem_strdup(self->name),
					   .address = mem_strdup(self->address),
					   .version = mem_strdup(self->version)};
	l->timer = loop_timer_new(loop, on_time, l);
	ask_again(l, 0);
	while (!l->is_decided)
		loop_run(loop);
	if (l->error != NULL) {
		int r = error_move(err, steal_ptr(&l->error));
		lead_give_back(l, NULL, NULL);
		return r;
	}
	*ret_lead = l;
	return 0;
}

uint64_t lead_fence(const struct lead *l)
{
	return l->fence;
}

uint64_t lead_term(const struct lead *l)
{
	return l->term;
}

void lead_follow_promise(struct lead *l, void (*promise_fn)(void *user, int64_t until_ms),
			 void *user)
{
	l->promise = promise_fn;
	l->promise_user = user;
	promise_fn(user, l->promised_ms);
}

static void on_revoked(void *user, const struct election_answer *a)
{
	struct lead *l = user;
	(void)a; /* else it ends by itself */
	l->election->ops->close(l->election, lead_free, l);
}

void lead_give_back(struct lead *l, void (*done)(void *user), void *user)
{
	if (l == NULL)
		return;
	l->is_ending = true;
	l->done = done;
	l->user = user;
	loop_timer_free(steal_ptr(&l->timer));
	if (l->lease != 0)
		l->election->ops->revoke(l->election, l->lease, on_revoked, l);
	else
		l->election->ops->close(l->election, lead_free, l);
}
