/*
 * The smallest scenario that still passes: one thing after the other is left out, and stays out where the expectation is met
 * without it. Steps first, many at a time; then zhosts, topologies, and spaces of topologies.
 */
#ifndef SAMOZA_ZSIM_SHRINK_H
#define SAMOZA_ZSIM_SHRINK_H

#include "base/error.h"
#include "proto/scenario.pb-c.h"

struct shrunk {
	unsigned tries;
	size_t steps_before, steps;
};

/* PRE: it has options. 0: the file at `path` is the smallest, and passes. 1: not even all of it passes, and the file is all of it. The last step is the
 * expectation, and stays. ERR_IO. */
int shrink_to_file(Samoza__V1__Scenario *scenario, const char *path, struct shrunk *ret,
		   struct error **err) must_check;

#endif
