/*
 * The records of a store in etcd, read ahead by one that does not lead (core/leader/ahead.h), in a thread and on
 * connections of its own:
 *
 *     reads the ledger and all records of one revision, a page at a time
 *       └─► watches them from there on: every change, in order, a revision as a whole
 *             ├─ the connection ends, or the server falls silent ─► watches again from where it was, at another server
 *             └─ etcd has forgotten that revision (a compaction) ─► reads again
 *
 * Every transaction of ours writes the ledger, too. So a copy whose ledger has the revision of that in etcd has everything. Twice
 * a second it asks for that, by a linearizable reading of one key: what it lacks, and for how long, is known by it, and
 * a watch that is silent although something was written is given up.
 */
#ifndef SAMOZA_ADAPTER_ETCD_COPY_H
#define SAMOZA_ADAPTER_ETCD_COPY_H

#include "adapter/etcd/ledger.h"
#include "adapter/etcd/rpc.h"
#include "core/leader/ahead.h"

/* Of memory for the records, about; where they are more, nothing is read ahead. */
#define ETCD_COPY_BYTES ((size_t)1024 * 1024 * 1024)

struct etcd_copy;

/* Begins at once. `bytes_max` 0: ETCD_COPY_BYTES. */
int etcd_copy_new(const struct etcd_servers *servers, size_t bytes_max,
		  struct etcd_copy **ret_copy, struct error **err) must_check;
/* Does not wait. NULL is fine. */
void etcd_copy_free(struct etcd_copy *copy);

/* How far it is. */
struct etcd_copy_state {
	bool is_whole;	   /* it has read everything once, and follows */
	bool is_too_large; /* it has given up */
	uint64_t batch;	   /* transactions in it */
	uint64_t lag;	   /* so many more were in etcd when it was asked last */
	int64_t lag_ms;	   /* for so long; 0: it is not */
	uint64_t readings; /* of everything, from the start */
};
struct etcd_copy_state etcd_copy_look(struct etcd_copy *copy);

/* After the win: the copy as it is when it has reached the ledger's revision; from then on it does not change, and is valid until
 * etcd_copy_free(). NULL: it was not there within `patience_ms`, or is not what the ledger counts. */
struct ahead *etcd_copy_take(struct etcd_copy *copy, const struct etcd_ledger *l,
			     int64_t patience_ms);

#endif
