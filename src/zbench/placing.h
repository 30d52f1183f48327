/*
 * The placing engine, fed from text, for benchmarks that decide without daemons.
 */
#ifndef SAMOZA_ZBENCH_PLACING_H
#define SAMOZA_ZBENCH_PLACING_H

#include "base/error.h"
#include "base/vector.h"
#include "core/place/place.h"

struct placed_topology {
	struct topology *model; /* a reference */
	uint32_t *units;	/* by instance; PLACE_NONE for children */
};

struct placing {
	struct place *place;
	VECTOR(struct placed_topology) topologies; /* by handle of the engine */
	VECTOR(uint32_t) lost;			   /* units, by zhost */
	uint64_t order;
};

void placing_init(struct placing *pl);
void placing_done(struct placing *pl);

/* Seconds of this thread's processor time since some time: what other programs take does not
 * count. */
double placing_now(void);

/* One zhost, as in zhosts.yaml. */
int placing_zhost(struct placing *pl, const char *text, struct error **err) must_check;
/* Compiles the spaces of a topology. */
int placing_model(const char *name, const char *spaces, struct topology **ret_model,
		  struct error **err) must_check;
/* Hands it to the engine; takes the reference. */
uint32_t placing_add(struct placing *pl, struct topology *model);
/* Both. */
int placing_topology(struct placing *pl, const char *name, const char *spaces,
		     uint32_t *ret_topology, struct error **err) must_check;

/* Places all its instances at once; ERR_CONFLICT with the reason. */
int placing_all(struct placing *pl, uint32_t topology, struct error **err) must_check;
uint32_t placing_unit(const struct placing *pl, uint32_t topology, uint32_t instance);
/* Places one; its zhost or PLACE_NONE. */
uint32_t placing_one(struct placing *pl, uint32_t topology, uint32_t instance);

/* The zhost is lost: what it holds has no place any more. */
void placing_lose(struct placing *pl, uint32_t zhost);
/* Re-places all that was lost, by topology; ERR_CONFLICT where something has no place. */
int placing_recover(struct placing *pl, struct error **err) must_check;

#endif
