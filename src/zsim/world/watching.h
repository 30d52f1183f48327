/*
 * What each of several zrms has read ahead of their store (core/leader/ahead.h), in virtual time: what is written waits in
 * a queue of each until that takes it, which may be late, or is lost (a compaction): then it reads everything again.
 */
#ifndef SAMOZA_ZSIM_WORLD_WATCHING_H
#define SAMOZA_ZSIM_WORLD_WATCHING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/leader/ahead.h"
#include "port/store.h"

struct world;

struct sim_change {
	char *key;
	void *data; /* NULL: it is removed */
	size_t size;
};
struct sim_written {
	uint64_t number; /* of the batch */
	VECTOR(struct sim_change) changes;
};
struct watching {
	struct ahead ahead;
	VECTOR(struct sim_written) waits; /* the oldest first */
	bool is_lost;			  /* it has to read everything */
};

void watching_begin(struct watching *watching);
void watching_done(struct watching *watching);
/* A batch is on the disk. */
void watching_written(struct watching *watching, uint64_t number, const struct outbox *outbox);
/* It takes what has come. */
void watching_turn(struct watching *watching, const struct world *w);
/* After a win: each record of the copy. False: it does not serve, and the store is to be read. Violates the world when
 * what it serves is not what is on the disk. */
bool watching_load(struct watching *watching, struct world *w, store_record_fn *each,
		   void *user, int *ret_result, struct error **err);

#endif
