/*
 * What the store of zrms counts about itself, so that it notices what checksums of single records
 * cannot show: records that are gone, and a log whose end is gone.
 *
 *   ledger(batch, records, record_total, values, value_total)    one row, part of every transaction
 *        batch           number of the last transaction that changed something
 *        records         how many there are
 *        record_total    sum of all their checksums, modulo 2^64
 *        value_…         the same of the data of spaces; only a full check counts these
 *
 *   FILE-acknowledged                 24 bytes beside the database, written after each transaction
 *        the number of the last one that is durable, before anybody hears of it
 *
 * SQLite takes a write-ahead log that was cut or damaged for one that ends there: the database is
 * sound and older, without a word. The witness shows it, whenever it names a later transaction than
 * the ledger. It is written without a sync of its own (a commit must not cost two), so after a
 * power cut, and only then, it may be older than what was acknowledged; then a loss of the last
 * seconds cannot be told from there having been nothing. It never claims a loss that was none.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_LEDGER_H
#define SAMOZA_ADAPTER_SQLITE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/sqlite/database.h"

#define LEDGER_SQL                                                                          \
	"CREATE TABLE ledger(one INTEGER PRIMARY KEY CHECK(one=1), batch INTEGER NOT NULL," \
	" record_count INTEGER NOT NULL, record_total INTEGER NOT NULL,"                    \
	" value_count INTEGER NOT NULL, value_total INTEGER NOT NULL);"                     \
	"INSERT INTO ledger VALUES(1, 0, -1, 0, -1, 0);" /* -1: not counted yet */

/* Rows of a table. */
struct ledger_rows {
	uint64_t count, total;
};

struct ledger_state {
	uint64_t batch;
	struct ledger_rows records, values;
};

struct ledger {
	struct database *db; /* borrowed */
	sqlite3_stmt *sum_of, *write;
	struct ledger_state now;       /* with what the open transaction changed; the table of
					* data counts its rows in now.values */
	struct ledger_state committed; /* as of the last one */
	int witness_fd;		       /* -1: none */
};

/* Reads the row, and the records that it should describe; opens the witness. */
int ledger_init(struct ledger *l, struct database *db, struct error **err) must_check;
void ledger_done(struct ledger *l);

static inline void ledger_rows_add(struct ledger_rows *rows, int64_t sum)
{
	rows->count++;
	rows->total += (uint64_t)sum;
}
static inline void ledger_rows_remove(struct ledger_rows *rows, int64_t sum)
{
	rows->count--;
	rows->total -= (uint64_t)sum;
}

/* Inside a transaction, before the record is put (`sum`: its checksum) or deleted (NULL). */
int ledger_record(struct ledger *l, int kind, const char *id, const int64_t *sum,
		  struct error **err) must_check;
/* The last statement of a transaction. */
int ledger_write(struct ledger *l, struct error **err) must_check;
/* The transaction is durable; or it was rolled back. */
void ledger_committed(struct ledger *l);
void ledger_rolled_back(struct ledger *l);
/* The witness survives a power cut from now on. For idle moments. */
void ledger_sync(struct ledger *l);

/* What the store lacks. */
struct ledger_loss {
	uint64_t batches; /* the newest, which were acknowledged */
	struct {
		int64_t missing; /* how many more there should be; negative: fewer */
		bool differ;	 /* they are not those that were written */
	} records, values;
};
/* Counts all records, and all values if asked to. For a database that is only read, too. */
int ledger_check(struct database *db, bool with_values, struct ledger_loss *ret_loss,
		 struct error **err) must_check;
/* From now on what is there is what should be there. Outside of a transaction. */
int ledger_accept(struct ledger *l, struct error **err) must_check;

#endif
