/*
 * Whether etcd is still what it was, or was made again from a snapshot (etcdctl snapshot restore), or set back to an older copy of its
 * files: then it is older than what was acknowledged, and says nothing of it. Three things show it:
 *
 *   its cluster's id     another one, where it was restored under another --initial-cluster-token
 *   its log              each write has an entry in it, and some entries are no writes: so index - revision (the *lead*) never shrinks.
 *                        A restored one begins a new log, and keeps its revision
 *   its revision         lower than one that this machine has seen (the witness, a file in zrms' directory)
 *
 * The first two are in the ledger, and so hold for every zrms; the third is for files that were set back with their log.
 */
#ifndef SAMOZA_ADAPTER_ETCD_LIFE_H
#define SAMOZA_ADAPTER_ETCD_LIFE_H

#include "adapter/etcd/rpc.h"

/* As the ledger keeps it. */
struct etcd_life {
	uint64_t cluster; /* 0: not known */
	int64_t lead;
	int64_t wall_ms; /* of the last transaction */
	int64_t restored_ms; /* when it was found to be restored last, and what came of it was written; 0: never */
};

/* As etcd says it: its lead may have grown while it was asked for. */
struct etcd_life_now {
	uint64_t cluster;
	int64_t lead_min, lead_max, revision;
};

int etcd_life_read(struct rpc *rpc, struct etcd_life_now *ret_now,
		   struct error **err) must_check;

int64_t etcd_life_clock(void); /* wall clock, ms */

/* ---- the witness ---- */

struct etcd_witness {
	uint64_t cluster;
	int64_t revision; /* 0: it knows nothing */
	int64_t wall_ms;  /* when that was seen */
};

void etcd_witness_read(const char *path, struct etcd_witness *ret_witness);
/* Where it is newer than `*known`, which it is then. Not synced: after a power cut it may know less. A file that cannot be
 * written is passed over. */
void etcd_witness_note(const char *path, struct etcd_witness *known, uint64_t cluster,
		       int64_t revision);

/* What a witness has seen before etcd was restored last is of no use any more: other zrms have one of their own.
 *
 * By what it is seen that etcd was restored; NULL: it was not. Static. */
const char *etcd_life_judge(const struct etcd_life *before, const struct etcd_witness *witness,
			    const struct etcd_life_now *now);

#endif
