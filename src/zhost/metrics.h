/* Counters and gauges of a zhost. */
#ifndef SAMOZA_ZHOST_METRICS_H
#define SAMOZA_ZHOST_METRICS_H

#include "adapter/uv/loop.h"
#include "base/metrics.h"
#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/exec/exec_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/space/residents.h"
#include "zhost/uplink/uplink.h"

/* What they are read from; borrowed. */
struct metrics_sources {
	struct artifacts *artifacts;
	struct data_service *data;
	struct exec_service *exec;
	struct kv *kv;
	struct mesh *mesh;
	struct reconcile *reconcile;
	struct residents *residents;
	struct uplink *uplink;
	const struct loop_turns *turns;
};

extern const struct metric_source zhost_metrics; /* of struct metrics_sources */
/* Everything that GET /metrics prints, for the manual; ends with NULL. */
extern const struct metric_source *const zhost_metric_sources[];

#endif
