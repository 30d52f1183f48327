/*
 * Data of spaces: values by owner and key, keys in byte order.
 *
 *   data(owner TEXT, key BLOB, value BLOB, sum)   owner: "TOPOLOGY-NAME/INSTANCE-PATH"
 *
 * A value whose checksum is wrong, or which lies on a damaged page, is not handed out: -EIO.
 *
 * The same table serves zrms (`storage: cluster`) and zhost (`storage: local`). In the worker's
 * thread.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_DATA_TABLE_H
#define SAMOZA_ADAPTER_SQLITE_DATA_TABLE_H

#include "adapter/sqlite/database.h"
#include "adapter/sqlite/ledger.h"
#include "port/kv.h"

#define DATA_TABLE_SQL                                                                   \
	"CREATE TABLE data(owner TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL," \
	" PRIMARY KEY(owner, key)) WITHOUT ROWID;"
/* From the version before rows had checksums. */
#define DATA_TABLE_SUM_SQL                                            \
	"ALTER TABLE data ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;" \
	"UPDATE data SET sum=checksum(owner, key, value);"
#define DATA_TABLE_NO_SUM_SQL "ALTER TABLE data DROP COLUMN sum;"

struct data_use;

struct data_table {
	struct database *db;	  /* borrowed */
	struct ledger_rows *rows; /* borrowed; counted here; NULL: not counted */
	sqlite3_stmt *get, *put, *remove, *list, *forget, *row_of, *sums_of, *use_of,
		*use_of_group;
	bool is_tight;	       /* the disk is full: no value of a space may grow */
	struct data_use *uses; /* by owner: bytes, once they were asked for */
};

/* Of a row. */
int64_t data_sum(const char *owner, const void *key, size_t key_size, const void *value,
		 size_t value_size);

int data_table_init(struct data_table *table, struct database *db, struct ledger_rows *rows,
		    struct error **err) must_check;
void data_table_done(struct data_table *table);

/* Inside a transaction of the caller's. Negative: the database failed. What is wrong with the
 * request itself is the answer's status (port/kv.h). */
int data_table_apply(struct data_table *table, const struct kv_change *change,
		     struct data_answer *ret_answer, struct error **err) must_check;
/* The transaction was rolled back. */
void data_table_rolled_back(struct data_table *table);
/* KV_FORGET. */
int data_table_forget(struct data_table *table, const char *owner,
		      struct error **err) must_check;
/* It needs a transaction. */
bool kv_change_writes(const struct kv_change *change);

#endif
