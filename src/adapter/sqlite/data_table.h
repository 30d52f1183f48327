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
#include "port/kv.h"

#define DATA_TABLE_SQL                                                                   \
	"CREATE TABLE data(owner TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL," \
	" PRIMARY KEY(owner, key)) WITHOUT ROWID;"

struct data_table {
	struct database *db; /* borrowed */
	sqlite3_stmt *get, *put, *remove, *list, *forget;
};

int data_table_init(struct data_table *table, struct database *db,
		    struct error **err) must_check;
void data_table_done(struct data_table *table);

/* Inside a transaction of the caller's. Negative: the database failed. What is wrong with the
 * request itself is the answer's status (port/kv.h). */
int data_table_apply(struct data_table *table, const struct kv_change *change,
		     struct data_answer *ret_answer, struct error **err) must_check;
/* KV_FORGET. */
int data_table_forget(struct data_table *table, const char *owner,
		      struct error **err) must_check;
/* It needs a transaction. */
bool kv_change_writes(const struct kv_change *change);

#endif
