/*
 * port/store.h on etcd: one thread, group commit. Where what lies: keys.h. What a transaction compares: ledger.h.
 *
 *     loop's thread                     worker's thread
 *     commit, commit, events … ──────►  as many batches as fit ──► one transaction ──► done, in the loop's thread
 *
 * A transaction that is not answered is settled before anything else is sent: the ledger says whether it happened.
 * While no majority answers it is tried again, as on SQLite; it is not when the fence refuses it.
 *
 * Blocking calls in a thread, as SQLite's, and not libcurl's multi interface on the loop: what is sent needs packing and hashing of
 * megabytes, which the loop must not wait for; and order is that of the thread.
 *
 * It has no keep_copy(): it never held a format of before. It has no copy(): a snapshot of etcd is etcd's business
 * (etcdctl snapshot save).
 */
#ifndef SAMOZA_ADAPTER_ETCD_STORE_H
#define SAMOZA_ADAPTER_ETCD_STORE_H

#include "adapter/etcd/copy.h"
#include "adapter/etcd/history.h"
#include "adapter/etcd/rpc.h"
#include "adapter/uv/loop.h"
#include "port/store.h"

/* Of one batch: whatever one decision leads to (parts.h). */
#define ETCD_BATCH_OPERATIONS 1000000
#define ETCD_BATCH_BYTES      ((size_t)256 * 1024 * 1024)
/* Of one transaction, with --max-txn-ops=4096 and --max-request-bytes=8388608; an etcd that takes less
 * says so, and gets more of them. */
#define ETCD_TXN_OPERATIONS 4000
#define ETCD_TXN_BYTES	    ((size_t)7 * 1024 * 1024)

#define ETCD_EVENTS_MAX	    10000 /* of one answer */

struct etcd_store_options {
	struct etcd_servers servers;
	/* The creation of the leader's key with which this process leads (port/election.h); 0: none, for tests and
	 * migrations. */
	uint64_t fence;
	/* While it is opened, inspected and loaded: for how long etcd is asked again that does not answer. */
	struct etcd_patience patience;
	const char *witness; /* a file (life.h); NULL: none */
	/* Records that were read ahead, as far as they serve: they are not read again. Borrowed until load() is over; NULL: none. */
	struct etcd_copy *copy;
	/* Of events that the store no longer keeps; `list` NULL: nobody. Borrowed until it is closed. */
	struct etcd_older older;
	uint64_t events_kept; /* the newest; 0: HISTORY_KEPT */
};

extern const struct metric_source etcd_store_metrics; /* of the store */

/* ERR_STALE: another leads. ERR_UNAVAILABLE, ERR_TIMEOUT: no majority. ERR_DENIED: the
 * certificates. */
int etcd_store_open(struct loop *loop, const struct etcd_store_options *options,
		    struct store **ret_store, struct error **err) must_check;

/* As sqlite_store_retry_for(): 30 s unless it is said. */
void etcd_store_retry_for(struct store *store, int64_t ms);
/* How many of the newest events stay; HISTORY_KEPT unless it is said. */
void etcd_store_keep_events(struct store *store, uint64_t count);

#endif
