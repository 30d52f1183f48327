/*
 * The leadership of this zrms, while it has one store with others: wins it, and keeps it. What it does when the lease is gone
 * is to end: another may lead, and what is in memory may be ahead of what is durable.
 */
#ifndef SAMOZA_ZRMS_LEAD_H
#define SAMOZA_ZRMS_LEAD_H

#include "adapter/uv/loop.h"
#include "port/election.h"

struct lead;

/* Runs the loop until it leads. `election` is taken over, also after an error. ERR_DENIED: etcd refuses. */
int lead_win(struct loop *loop, struct election *take_election,
	     const struct election_member *self, struct lead **ret_lead,
	     struct error **err) must_check;
/* Of this win: for the store, and for the zhosts. */
uint64_t lead_fence(const struct lead *lead);
uint64_t lead_term(const struct lead *lead);
/* Until when nobody else can lead, on the loop's monotonic clock: heartbeats that are handled before it may be
 * acknowledged. `promise` is called with it now and after each renewal. */
void lead_follow_promise(struct lead *lead, void (*promise)(void *user, int64_t until_ms),
			 void *user);
/* Ends the lease, so that the next one leads at once; then it is freed. NULL is fine. */
void lead_give_back(struct lead *lead, void (*done)(void *user), void *user);

#endif
