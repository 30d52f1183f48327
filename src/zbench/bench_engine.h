/*
 * The placement engine of zrms, fed from text, for benchmarks without daemons.
 */
#ifndef SAMOZA_ZBENCH_BENCH_ENGINE_H
#define SAMOZA_ZBENCH_BENCH_ENGINE_H

#include "base/error.h"
#include "base/vector.h"
#include "core/place/place.h"

struct placed_topology {
	struct topology *model; /* a reference */
	uint32_t *units;	/* by instance; PLACE_NONE for children */
};

struct bench_engine {
	struct place *place;
	VECTOR(struct placed_topology) topologies; /* by handle of the engine */
	VECTOR(uint32_t) lost;			   /* units, by zhost */
	uint64_t order;
};

void bench_engine_init(struct bench_engine *engine);
void bench_engine_done(struct bench_engine *engine);

/* CPU time of this thread, in seconds: the time of other programs does not count. */
double thread_cpu_seconds(void);

/* One zhost, as in zhosts.yaml. */
int bench_engine_add_zhost(struct bench_engine *engine, const char *text,
			   struct error **err) must_check;
/* Compiles the spaces of a topology. */
int bench_model(const char *name, const char *spaces, struct topology **ret_model,
		struct error **err) must_check;
/* Adds it to the engine, and takes the reference; its handle. */
uint32_t bench_engine_add(struct bench_engine *engine, struct topology *model);
/* Both. */
int bench_engine_add_text(struct bench_engine *engine, const char *name, const char *spaces,
			  uint32_t *ret_topology, struct error **err) must_check;

/* Places all its instances at once; ERR_CONFLICT with the reason. */
int bench_engine_place_all(struct bench_engine *engine, uint32_t topology,
			   struct error **err) must_check;
uint32_t bench_engine_unit(const struct bench_engine *engine, uint32_t topology,
			   uint32_t instance);
/* Places one; its zhost or PLACE_NONE. */
uint32_t bench_engine_place_one(struct bench_engine *engine, uint32_t topology,
				uint32_t instance);

/* The zhost is lost, and its units lose their places. */
void bench_engine_lose(struct bench_engine *engine, uint32_t zhost);
/* Re-places all units that were lost, by topology; ERR_CONFLICT where one has no place. */
int bench_engine_recover(struct bench_engine *engine, struct error **err) must_check;

#endif
