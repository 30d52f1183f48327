/*
 * The workloads of Kubernetes' scheduler_perf, declared as Samoza's topologies: a cluster, what is
 * placed before, and instances that are placed one by one. A workload with its cluster is a shape.
 *
 *   struct shape_run run;
 *   shape_begin(&run, shape) ─► shape_decide() x shape->measured_count ─► shape_end(&run)
 */
#ifndef SAMOZA_ZBENCH_SHAPES_H
#define SAMOZA_ZBENCH_SHAPES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "zbench/bench_engine.h"

/* Writes the description of a zhost of a shape, by its number. */
typedef void zhost_text_fn(struct buffer *text, uint32_t number);

struct shape {
	const char *name; /* NULL ends the list */
	uint32_t zhosts;
	zhost_text_fn *zhost;
	/* Spaces of the topologies that are placed before, each `copies` times, and of the measured
	 * one. COUNT: instances of a space. */
	const char *before[5];
	uint32_t before_count, copies;
	const char
		*measured; /* NULL: anti-affinity with all that are placed before, and itself */
	uint32_t measured_count;
	uint32_t disturbed_every; /* so many decisions; 0: never. See disturb() */
	const char *threshold;
	bool churn; /* zhosts join and leave */
};

extern const struct shape shapes[];

/* Instances that are placed before, in all copies of all topologies. */
uint32_t shape_before_count(const struct shape *s);

struct shape_run {
	const struct shape *shape; /* borrowed */
	struct bench_engine engine;
	uint32_t topology; /* the measured one */
	uint32_t hopeless; /* a topology that no zhost has room for */
	uint32_t decided, disturbed;
};

/* Makes the cluster and places what is placed before. Call shape_end() also after an error. */
int shape_begin(struct shape_run *run, const struct shape *s, struct error **err) must_check;
/* Places the next instance; ERR_CONFLICT when it has no place. At most measured_count times. */
int shape_decide(struct shape_run *run, uint32_t *ret_zhost, struct error **err) must_check;
void shape_end(struct shape_run *run);

#endif
