/*
 * All sinks of a zhost, as its settings name them: what its spaces say is forwarded to each.
 *
 * Source: [observe.logs.sinks].
 */
#ifndef SAMOZA_ZHOST_SINK_SINKS_H
#define SAMOZA_ZHOST_SINK_SINKS_H

#include "base/error.h"
#include "base/metrics.h"
#include "port/loop.h"
#include "zhost/log/spacelog.h"

struct sinks;

/* `loop` is borrowed; there are none yet. */
struct sinks *sinks_new(struct loop *loop, const char *zhost);
void sinks_free(struct sinks *all);

/* These from now on: those that are there already stay, with what waits in them, and open their files again. ERR_INVALID: one is
 * none, and nothing has changed. */
int sinks_set(struct sinks *all, char *const *urls, size_t count,
	      struct error **err) must_check;

/* A spacelog_sink_fn; `user`: struct sinks. */
void sinks_take(void *user, const struct spacelog_source *source, int64_t wall_ms,
		const char *level, const char *text, size_t size);

extern const struct metric_source sinks_metrics; /* of struct sinks */

#endif
