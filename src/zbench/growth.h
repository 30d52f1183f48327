/*
 * What a decision costs as the cluster grows: the same workloads in clusters of 1,000 to 50,000
 * zhosts that are equally full.
 */
#ifndef SAMOZA_ZBENCH_GROWTH_H
#define SAMOZA_ZBENCH_GROWTH_H

#include "zbench/benchmark.h"

/* Measures into `report`, and as "growth" in its JSON: [{"shape", "zhosts", "microseconds"}].
 * `svg`: path of a drawing to write; NULL: none. */
int growth_run(const struct bench *bench, const char *svg, struct report *report,
	       struct error **err) must_check;

#endif
