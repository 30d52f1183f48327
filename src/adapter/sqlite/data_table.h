/*
 * Data of spaces: values by owner and key, keys in byte order.
 *
 *   data(owner TEXT, key BLOB, value BLOB)        owner: "TOPOLOGY-NAME/INSTANCE-PATH"
 *
 * The same table serves zrms (`storage: cluster`) and zhost (`storage: local`). In the worker's
 * thread.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_DATA_TABLE_H
#define SAMOZA_ADAPTER_SQLITE_DATA_TABLE_H

#include "adapter/sqlite/database.h"
#include "port/store.h"

#define DATA_TABLE_SQL                                                                   \
	"CREATE TABLE data(owner TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL," \
	" PRIMARY KEY(owner, key)) WITHOUT ROWID;"

#define DATA_KEY_MAX	((size_t)64 * 1024)
#define DATA_VALUE_MAX	((size_t)8 * 1024 * 1024)
#define DATA_PAGE_BYTES ((size_t)64 * 1024) /* of a list, when the request names no size */
#define DATA_PAGE_MAX	((size_t)1024 * 1024)

struct data_table {
	struct database *db; /* borrowed */
	sqlite3_stmt *get, *put, *remove, *list, *forget;
};

int data_table_init(struct data_table *table, struct database *db,
		    struct error **err) must_check;
void data_table_done(struct data_table *table);

/* Inside a transaction of the caller's. Negative: the database failed. What is wrong with the
 * request itself is the answer's status: -ENOENT (get), -EINVAL (too large), -EMSGSIZE (list:
 * not even one key fits into limit_bytes; each takes its size and 4). Deleting what is not
 * there succeeds. */
int data_table_apply(struct data_table *table, const struct data_change *change,
		     struct data_answer *ret_answer, struct error **err) must_check;
/* Everything of the owner, and of every owner below it ("NAME/..."). */
int data_table_forget(struct data_table *table, const char *owner,
		      struct error **err) must_check;
/* True for puts, deletes. */
bool data_change_writes(const struct data_change *change);
/* Frees what the answer points to. */
void data_answer_done(struct data_answer *answer);

#endif
