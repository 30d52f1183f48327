/*
 * The end of a copy that has handed over. One with a process is asked to stop when it has taken what waits for it, as far as that
 * is known, and has neither got nor sent anything for a moment, so that it can answer what it was asked. At most half of its
 * grace period is spent on that. One that nobody has asked anything for seconds stops at once. Pages have no process: they stay
 * for half of their grace period, so that what was loaded from them gets the rest of its files [change.rollout.page].
 *
 *   stop ──► in use? ──yes──► waits, and still gets answers ──quiet, or half of the grace is over──► stops
 *              └────no────────────────────────────────────────────────────────────────────────────────▲
 */
#ifndef SAMOZA_ZHOST_SPACE_FAREWELL_H
#define SAMOZA_ZHOST_SPACE_FAREWELL_H

#include <stdbool.h>
#include <stdint.h>

struct loop_timer;
struct resident;

/* The wait is over: it is to stop in what is left of its grace. */
typedef void farewell_over(struct resident *r, int64_t grace_ms);

struct farewell {
	struct loop_timer *timer; /* NULL: none is under way */
	farewell_over *over;
	int64_t used_ms; /* monotonic: when it last got or sent something; 0: never */
	int64_t wait_until_ms, stop_by_ms;
	uint32_t untaken; /* when it was last looked at */
};

/* Nothing has come to this process, which is about to start. */
void farewell_unused(struct resident *r);
/* It got or sent a message, or may have. */
void farewell_used(struct resident *r);
/* It is to stop within `grace_ms`. False: nothing is to be waited for. Else `over` is called in time. */
bool farewell_begin(struct resident *r, int64_t grace_ms, farewell_over *over);
/* It has ended otherwise. Nothing where none is under way. */
void farewell_end(struct resident *r);

#endif
