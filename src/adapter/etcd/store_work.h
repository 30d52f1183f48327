/*
 * What the store of zrms does in its worker's thread: what waits, in order, as few transactions.
 */
#ifndef SAMOZA_ADAPTER_ETCD_STORE_WORK_H
#define SAMOZA_ADAPTER_ETCD_STORE_WORK_H

#include <stdatomic.h>

#include "adapter/etcd/history.h"
#include "adapter/etcd/index.h"
#include "adapter/etcd/ledger.h"
#include "adapter/etcd/parts.h"
#include "adapter/etcd/store.h"
#include "adapter/uv/worker.h"

struct etcd_store {
	struct store store; /* first */
	struct rpc *rpc;
	struct worker *worker;
	struct etcd_ledger ledger;
	struct etcd_history history;
	struct ahead *ahead; /* borrowed until load() is over; NULL: they are read */
	uint64_t read_ahead; /* how many it had */
	struct index index;  /* of records */
	bool is_indexed;
	struct txn_limits limits; /* of one transaction, as far as is known */
	int64_t retry_ms;
	struct etcd_life life; /* that the next batch writes */
	char *witness_path;    /* NULL: none */
	struct etcd_witness witness;
	struct error
		*broken; /* the first failure that did not pass: nothing is written after it */
	/* Written by the worker, read by the loop. */
	atomic_bool is_failing, is_full, has_lost;
	atomic_uint_fast64_t transactions, batches, events, records, largest, commit_us,
		unknown, divided;
	void (*closed)(void *user);
	void *closed_user;
};

enum request_type { REQUEST_COMMIT, REQUEST_EVENTS, REQUEST_AUDIT, REQUEST_READ };

struct store_request {
	struct worker_job base; /* first */
	enum request_type type;
	bool is_worked; /* it is answered, or has failed */
	void *user;
	struct error *err; /* how it went */
	/* commit */
	const struct outbox *outbox; /* borrowed until done */
	struct data_answer *answers;
	store_done_fn *committed;
	/* events */
	uint64_t after;
	char *topology;
	uint32_t limit;
	etcd_history_events found;
	bool more;
	store_events_fn *listed;
	/* audit: its limit and `more` are these */
	struct audit_query query; /* `user` is owned */
	etcd_history_lines lines;
	store_audit_fn *told;
	/* read */
	const struct store_reader *reader; /* borrowed until done */
};

/* For worker_ops. */
void etcd_store_work(void *owner, struct worker_job **jobs);

/* Each sound record, to `each`; the index is made meanwhile. While nothing else is at work. */
int etcd_records_load(struct etcd_store *s, store_record_fn *each, void *user,
		      struct error **err) must_check;

#endif
