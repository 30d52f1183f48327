/*
 * The event loops that code over port/loop.h may run on. Every contract suite runs once on
 * each.
 */
#ifndef TEST_PORT_LOOPS_H
#define TEST_PORT_LOOPS_H

#include "port/loop.h"

struct loop_kind {
	const char *name;
	void (*init)(struct loop *loop);
	void (*done)(struct loop *loop);
};

extern const struct loop_kind loop_kinds[];
extern const size_t loop_kind_count;

/* Runs until *is_done; fails the test after ten seconds of the loop's time. */
void loop_until(struct loop *loop, const bool *is_done);
/* Runs everything that is ready, without letting a millisecond of virtual time pass. */
void loop_settle(struct loop *loop);

#endif
