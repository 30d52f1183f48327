/*
 * What the store of zrms does in its worker's thread: all requests that wait, as one transaction.
 *
 *     loop's thread (store.c)          worker's thread (store_work.c)
 *     commit, events, audit, ... ────► store_work() ──► one transaction ──► what is read ──► done, in the loop's thread
 */
#ifndef SAMOZA_ADAPTER_SQLITE_STORE_WORK_H
#define SAMOZA_ADAPTER_SQLITE_STORE_WORK_H

#include <stdatomic.h>

#include "adapter/sqlite/audit_table.h"
#include "adapter/sqlite/commits.h"
#include "adapter/sqlite/history.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/sqlite/ledger.h"
#include "adapter/sqlite/moving.h"
#include "adapter/sqlite/snapshot.h"
#include "adapter/sqlite/store.h"

struct sqlite_store {
	struct store store; /* first */
	struct commits commits;
	struct history history;
	struct audit_table audit;
	struct ledger ledger;
	struct moving_mark mark;
	sqlite3_stmt *begin, *commit, *record_put, *record_delete;
	/* Written by the worker, read by the loop. */
	atomic_uint_fast64_t transactions, batches, events, records, largest, commit_us;
	atomic_int wal_pages;
	void (*closed)(void *user);
	void *closed_user;
};

enum request_type { REQUEST_COMMIT, REQUEST_EVENTS, REQUEST_AUDIT, REQUEST_READ, REQUEST_COPY };

struct store_request {
	struct worker_job base; /* first */
	enum request_type type;
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
	history_events found;
	bool more;
	store_events_fn *listed;
	/* audit */
	struct audit_query query; /* its user is owned */
	audit_lines lines;
	store_audit_fn *told;
	/* read */
	const struct store_reader *reader; /* borrowed until done */
	/* copy */
	char *path;
	struct snapshot *snapshot; /* NULL: not begun */
	bool is_copied;
	store_copied_fn *copied;
};

/* Of the worker (worker.h). */
void store_work(void *owner, struct worker_job **jobs);
void store_idle(void *owner);
extern const struct commits_ops store_commits_ops;
/* Each record. */
int store_records_load(struct sqlite_store *s, store_record_fn *each, void *user,
		       struct error **err);

#endif
