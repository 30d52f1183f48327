/*
 * How long something took, counted by size: for metrics (base/metrics.h).
 *
 * All histograms have the same bounds, from 100 microseconds to a minute, so that any two can be compared and added.
 */
#ifndef SAMOZA_BASE_HISTOGRAM_H
#define SAMOZA_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 19 }; /* the last one has no bound */

/* Zeroed: empty. */
struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS]; /* of each bucket alone */
	uint64_t sum_us;
};

struct histogram_bound {
	uint64_t us;
	const char *seconds; /* as OpenMetrics writes it */
};
/* Up to and with which a bucket counts; of all but the last one. */
extern const struct histogram_bound histogram_bounds[HISTOGRAM_BUCKETS - 1];

/* What is negative counts as 0: clocks of two machines differ. */
void histogram_add(struct histogram *h, int64_t us);

#endif
