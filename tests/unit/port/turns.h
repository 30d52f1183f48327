/* What the longest turn of a loop costs, in time of the processor, which other programs do not lengthen. */
#ifndef SAMOZA_TESTS_UNIT_PORT_TURNS_H
#define SAMOZA_TESTS_UNIT_PORT_TURNS_H

#include "port/loop.h"

struct turns {
	struct loop *loop;
	struct loop_timer *timer;
	double before_ms, longest_ms;
	unsigned count;
};

/* From now on, in the thread of the loop. */
void turns_begin(struct turns *t, struct loop *loop);
/* Milliseconds. */
double turns_end(struct turns *t);

#endif
