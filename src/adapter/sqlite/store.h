/*
 * port/store.h on SQLite: one file, one thread, group commit.
 *
 *   record(kind, id, data, sum)       what the core loads at start
 *   event(seq, topology, data, sum)   history; the newest are kept (history.h)
 *   audit(seq, time, user, data, sum) what was asked for; the newest are kept (audit_table.h)
 *   data(owner, key, value, sum)      of spaces (data_table.h)
 *   ledger(batch, records, total)     what there should be (ledger.h)
 *
 * `sum` is a checksum of the row (checksum.h). Events with a wrong one are left out of the history.
 *
 * Every batch that waits while a commit is on its way becomes part of the next transaction; a
 * failure fails them all, after it was tried again for a while; on a full disk, a reserve is used up
 * first (commits.h).
 */
#ifndef SAMOZA_ADAPTER_SQLITE_STORE_H
#define SAMOZA_ADAPTER_SQLITE_STORE_H

#include "adapter/uv/loop.h"
#include "port/scheme.h"
#include "port/store.h"

#define STORE_EVENTS_MAX 10000 /* of one answer */

extern const struct metric_source sqlite_store_metrics; /* of the store */

/* Creates the file where there is none. Errors as database_open(). */
int sqlite_store_open(struct loop *loop, const char *path, struct store **ret_store,
		      struct error **err) must_check;

/* How long a transaction that failed is tried again before the store has failed; 30 s unless it is said,
 * 0: not at all. Before the first commit. */
void sqlite_store_retry_for(struct store *store, int64_t ms);

/* sqlite:DIR, the store of zrms in DIR/zrms.db. */
int sqlite_store_open_dir(struct loop *loop, const char *dir, struct store **ret_store,
			  struct error **err) must_check;

#endif
