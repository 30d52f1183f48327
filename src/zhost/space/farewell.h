/*
 * The end of a copy that has handed over. One with a process is asked to stop when it has taken what waits for it, as far as that
 * is known, and has neither got nor sent anything for a moment, so that it can answer what it was asked. At most half of its
 * grace period is spent on that. The moment is short where it owes nobody an answer and has asked nothing itself: a rollout in
 * batches waits for it in each of them. One that nobody has asked anything for seconds stops at once. Pages have no process: they stay
 * for half of their grace period, so that what was loaded from them gets the rest of its files [change.rollout.page].
 *
 *   stop ──► in use? ──yes──► waits, and still gets answers ──quiet, or half of the grace is over──► stops
 *              └────no────────────────────────────────────────────────────────────────────────────────▲
 */
#ifndef SAMOZA_ZHOST_SPACE_FAREWELL_H
#define SAMOZA_ZHOST_SPACE_FAREWELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"

struct loop_timer;
struct resident;

/* The wait is over: it is to stop in what is left of its grace. */
typedef void farewell_over(struct resident *r, int64_t grace_ms);

struct farewell {
	struct loop_timer *timer; /* NULL: none is under way */
	farewell_over *over;
	int64_t used_ms; /* monotonic: when it last got or sent something; 0: never */
	int64_t asked_ms; /* monotonic: when it last sent something that answers nobody; 0: never */
	VECTOR(unsigned) debts; /* hash_of_key() of where an answer goes that is due */
	bool is_unknown;	/* what it owes */
	int64_t wait_until_ms, stop_by_ms;
	uint32_t untaken; /* when it was last looked at */
};

/* Nothing has come to this process, which is about to start. */
void farewell_unused(struct resident *r);
/* It may have got or sent anything: zhost was not there. */
void farewell_unknown(struct resident *r);
/* A message has come to it: `path_name` and who sent it, as it is delivered. */
void farewell_got(struct resident *r, const char *path_name, const char *sender,
		  const char *sender_suffix, size_t sender_suffix_size);
/* It has sent one to that address: an answer, where one is due there. */
void farewell_sent(struct resident *r, const char *address, size_t size);
/* It is to stop within `grace_ms`. False: nothing is to be waited for. Else `over` is called in time. */
bool farewell_begin(struct resident *r, int64_t grace_ms, farewell_over *over);
/* It has ended otherwise. Nothing where none is under way. */
void farewell_end(struct resident *r);

#endif
