/*
 * The shapes of Kubernetes' scheduler_perf, said in Samoza's words: a cluster, what stands in
 * it before, and instances that come one by one.
 *
 *   struct shape_run run;
 *   shape_begin(&run, shape) ─► shape_decide() x shape->measured_count ─► shape_end(&run)
 */
#ifndef SAMOZA_ZBENCH_SHAPES_H
#define SAMOZA_ZBENCH_SHAPES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "zbench/placing.h"

/* What a zhost of a shape is like, by its number. */
typedef void zhost_text_fn(struct buffer *text, uint32_t number);

struct shape {
	const char *name; /* NULL ends the list */
	uint32_t zhosts;
	zhost_text_fn *zhost;
	/* Spaces of the topologies that stand there before, each `copies` times, and of the
	 * measured one. COUNT: instances of a space. */
	const char *before[5];
	uint32_t before_count, copies;
	const char *measured; /* NULL: against all that stand there before, and itself */
	uint32_t measured_count;
	uint32_t nuisance; /* after so many decisions something else happens; 0: never */
	const char *threshold;
	bool churn;
};

extern const struct shape shapes[];

/* Instances that stand there before, all copies of all topologies. */
uint32_t shape_before_count(const struct shape *s);

struct shape_run {
	const struct shape *shape; /* borrowed */
	struct placing placing;
	uint32_t topology; /* the measured one */
	uint32_t hopeless, decided, times;
};

/* The cluster and all that stands there before; shape_end() also after an error. */
int shape_begin(struct shape_run *run, const struct shape *s, struct error **err) must_check;
/* Places the next instance; ERR_CONFLICT when it has no place. At most measured_count times. */
int shape_decide(struct shape_run *run, uint32_t *ret_zhost, struct error **err) must_check;
void shape_end(struct shape_run *run);

#endif
