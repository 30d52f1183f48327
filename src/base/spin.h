/*
 * Polling for a while before sleeping, only where it is free: each turn yields the processor, and when
 * another program took it for long, the processors are not idle. Then the sleeper is the faster one:
 * the kernel wakes it before those who compute, while one who yields waits for all of them.
 *
 *   spin_may(&s, now) ─► poll ─► spin_yielded(&s, before, after) ─► spin_may() …
 *
 * After each such yield it pauses for twice as long as the last time, so that even the attempts cost
 * nothing.
 *
 * Others who only wait are not seen by a yield: the kernel lets the spinner go on, until its share is used up and it
 * waits for a whole turn of theirs just when its message has come. So it also learns whether spinning pays: every
 * so many waits of a conversation it does for some what it else does not, and compares how long they took. Where that
 * makes little difference it sleeps.
 *
 *   spin_waited(&s, ns)    spins ───────────────► sleeps ──► spins …       or the other way round
 *                          period - SPIN_TRIAL    SPIN_TRIAL
 *
 * Pure: the caller reads the clock.
 */
#ifndef SAMOZA_BASE_SPIN_H
#define SAMOZA_BASE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* A yield that takes longer is more than the others of a conversation take. Then the first pause, and at most the last one;
 * after so many good turns the next one is a first one. */
#define SPIN_TAKEN_NS	    300000ull
#define SPIN_PAUSE_NS	    100000000ull
#define SPIN_PAUSE_MOST_NS  5000000000ull
#define SPIN_FORGIVEN_TURNS 1000
/* Waits in which the other way is tried, and waits from one trial to the next: twice as many while nothing changes. A
 * longer wait counts as WAIT_MOST, as one alone should decide little. After one of FORGET it spins, until that does not pay. */
#define SPIN_TRIAL	  8u
#define SPIN_PERIOD_FIRST 64u
#define SPIN_PERIOD_MOST  2048u
#define SPIN_WAIT_MOST_NS 200000ull
#define SPIN_FORGET_NS	  1000000000ull

/* All zero: it may spin. */
struct spin {
	uint64_t not_before_ns, pause_ns;
	uint32_t good_turns;
	bool sleeps;		     /* spinning does not pay */
	uint32_t waits, period;	     /* since the last trial; from one to the next */
	uint64_t usual_ns, tried_ns; /* what those waits took together */
};

static inline uint32_t spin_period(const struct spin *s)
{
	return s->period != 0 ? s->period : SPIN_PERIOD_FIRST;
}

static inline bool spin_is_trial(const struct spin *s)
{
	return s->waits >= spin_period(s) - SPIN_TRIAL;
}

static inline bool spin_may(const struct spin *s, uint64_t now_ns)
{
	return now_ns >= s->not_before_ns && s->sleeps == spin_is_trial(s);
}

/* A wait in which it might spin took so long. */
static inline void spin_waited(struct spin *s, uint64_t ns)
{
	uint32_t period = spin_period(s);
	if (ns >= SPIN_FORGET_NS) {
		s->sleeps = false;
		s->waits = s->period = 0;
		s->usual_ns = s->tried_ns = 0;
		return;
	}
	*(spin_is_trial(s) ? &s->tried_ns : &s->usual_ns) +=
		ns < SPIN_WAIT_MOST_NS ? ns : SPIN_WAIT_MOST_NS;
	if (++s->waits < period)
		return;
	uint64_t usual = s->usual_ns / (period - SPIN_TRIAL), tried = s->tried_ns / SPIN_TRIAL;
	uint64_t spinning = s->sleeps ? tried : usual, sleeping = s->sleeps ? usual : tried;
	/* Those who talk to each other all spin, or all sleep: while the others spin, one alone seldom gains by sleeping.
	 * So spinning must make waits a fifth shorter. */
	bool sleeps = spinning * 5 > sleeping * 4;
	s->period = sleeps != s->sleeps		? SPIN_PERIOD_FIRST
		    : period < SPIN_PERIOD_MOST ? 2 * period
						: SPIN_PERIOD_MOST;
	s->sleeps = sleeps;
	s->waits = 0;
	s->usual_ns = s->tried_ns = 0;
}

/* The clock before and after a yield. */
static inline void spin_yielded(struct spin *s, uint64_t before_ns, uint64_t after_ns)
{
	if (after_ns - before_ns < SPIN_TAKEN_NS) {
		if (s->pause_ns != 0 && ++s->good_turns >= SPIN_FORGIVEN_TURNS)
			s->pause_ns = 0;
		return;
	}
	s->good_turns = 0;
	s->pause_ns = s->pause_ns == 0 ? SPIN_PAUSE_NS : 2 * s->pause_ns;
	if (s->pause_ns > SPIN_PAUSE_MOST_NS)
		s->pause_ns = SPIN_PAUSE_MOST_NS;
	s->not_before_ns = after_ns + s->pause_ns;
}

#endif
