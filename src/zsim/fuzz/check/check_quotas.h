/*
 * The room for data [formats.topology.data]: a write is taken exactly when it fits into the quotas of its
 * instance and of its topology, as the revision of the writing copy declares them, or does not grow; the
 * store holds what was taken and was not deleted since; an event says once that there is no room.
 *
 *     put ──► fits? ──yes──► taken ──► in the store, until deleted or removed with its topology
 *               └────no────► -ENOSPC, not in the store ──► event, once until something is deleted
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_QUOTAS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_QUOTAS_H

#include <stdint.h>

#include <stdbool.h>

#include "base/hash.h"

struct data_change;
struct fuzz;
struct outbox;

struct quotas {
	uint64_t own, all; /* of the instance, of its topology; 0: unknown */
};

/* Of one instance: in which life of zrms a write was refused, and an event said so; 0: in none. */
struct quota_said {
	char *owner;
	uint64_t refused, told;
	bool may_repeat; /* the event, because something was deleted in the same batch */
	UT_hash_handle hh;
};

/* As the record of the copy that asked says. */
struct quotas check_quotas_of(struct fuzz *f, const struct data_change *change);
/* A change is committed, the model has not taken it yet. `before`: the quotas before the commit. */
void check_quotas_put(struct fuzz *f, const struct data_change *change, int status,
		      struct quotas before);
/* The model has taken all of the commit. */
void check_quotas_committed(struct fuzz *f, const struct outbox *o);
/* All is idle. */
void check_quotas_idle(struct fuzz *f);
void check_quotas_done(struct fuzz *f);

#endif
