/*
 * The place of this zrms among those that share its store: carries out what core/leader asks of the election, and tells it
 * the answers and the time.
 *
 *     loop timer, answers ──► core/leader ─┬─ calls ───► election (port/election.h)
 *                                          └─ notices ─► listener
 *
 * Who leads and who may is decided there; nothing is decided here.
 */
#ifndef SAMOZA_ZRMS_LEAD_H
#define SAMOZA_ZRMS_LEAD_H

#include "core/leader/leader.h"
#include "port/loop.h"

struct lead;

/* Never called from within a function of this file, but for `promises`. */
struct lead_listener {
	/* It leads: the store is loaded with lead_fence(). The lease is renewed without the loop, until that runs on. */
	void (*leads)(void *user);
	/* Until when nobody else can lead, on the loop's monotonic clock: heartbeats that are handled before it may be
	 * acknowledged. INT64_MIN: none may. */
	void (*promises)(void *user, int64_t until_ms);
	/* It gives its place away: nothing more is taken, what is in flight is finished, then lead_resign(). */
	void (*yields)(void *user);
	/* It is to end: what is in memory may be ahead of what is durable. */
	void (*ends)(void *user, const char *why);
};

/* Nothing is asked before the loop runs. `election` is taken over; `config` is copied, `listener` borrowed. */
struct lead *lead_new(struct loop *loop, struct election *take_election,
		      const struct leader_config *config, const struct lead_listener *listener,
		      void *user);
/* Of the win: for the store, and for the zhosts. 0: it does not lead. */
uint64_t lead_fence(const struct lead *lead);
uint64_t lead_term(const struct lead *lead);
/* As leader_promise_ms(). */
int64_t lead_promise_ms(const struct lead *lead);
/* What it has seen; borrowed, and only until the loop runs on. */
const struct leader *lead_seen(const struct lead *lead);
/* As leader_move(). */
int lead_move(struct lead *lead, const char *name, struct error **err) must_check;
/* As leader_may_forget(), and then forgets it: `done` is told once, not from within. ERR_CONFLICT: it came back in this moment;
 * ERR_UNAVAILABLE: etcd does not answer, so it may be forgotten or not. Nothing is told once it resigns. */
typedef void lead_forgotten_fn(void *user, const struct error *why);
int lead_forget(struct lead *lead, const char *name, lead_forgotten_fn *done, void *user,
		struct error **err) must_check;
/* As leader_set_copied(). */
void lead_set_copied(struct lead *lead, const struct election_copied *copied);
/* Ends the lease, so that the next one leads at once; then it is freed, and `done` called. Until that it says what it has
 * seen. The listener is told nothing more. */
void lead_resign(struct lead *lead, void (*done)(void *user), void *user);

#endif
