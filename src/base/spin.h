/*
 * Polling for a while before sleeping, only where it is free: each turn yields the processor, and when
 * another program took it for long, the processors are not idle. Then the sleeper is the faster one:
 * the kernel wakes it before those who compute, while one who yields waits for all of them.
 *
 *   spin_may(&s, now) ─► poll ─► spin_yielded(&s, before, after) ─► spin_may() …
 *
 * After each such yield it pauses for twice as long as the last time, so that even the attempts cost
 * nothing. Pure: the caller reads the clock.
 */
#ifndef SAMOZA_BASE_SPIN_H
#define SAMOZA_BASE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_TAKEN_NS	    300000ull	  /* more than the others of a conversation take */
#define SPIN_PAUSE_NS	    100000000ull  /* the first pause */
#define SPIN_PAUSE_MOST_NS  5000000000ull /* at most that, then */
#define SPIN_FORGIVEN_TURNS 1000 /* so many good turns, and the next pause is a first one */

/* All zero: it may spin. */
struct spin {
	uint64_t not_before_ns, pause_ns;
	uint32_t good_turns;
};

static inline bool spin_may(const struct spin *s, uint64_t now_ns)
{
	return now_ns >= s->not_before_ns;
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
