#include "adapter/sqlite/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "adapter/sqlite/checksum.h"
#include "base/check.h"
#include "base/str.h"

/* ---- the witness ---- */

static const char magic[8] = {'Z', 'R', 'M', 'S', 'A', 'C', 'K', '1'};

struct witness {
	char magic[8];
	uint8_t batch[8], sum[8]; /* little endian */
};

static void put_u64(uint8_t to[static 8], uint64_t value)
{
	for (size_t i = 0; i < 8; i++, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get_u64(const uint8_t from[static 8])
{
	uint64_t value = 0;
	for (size_t i = 8; i-- > 0;)
		value = value << 8 | from[i];
	return value;
}

static uint64_t batch_sum(uint64_t batch)
{
	struct checksum c;
	checksum_begin(&c);
	checksum_add_int(&c, (int64_t)batch);
	return (uint64_t)checksum_end(&c);
}

static char *witness_path(const struct database *db)
{
	return str_printf("%s-acknowledged", db->path);
}

/* 0 where there is none, or none that can be read: nothing is known then. */
static uint64_t witness_read(int fd)
{
	struct witness w;
	if (fd < 0 || pread(fd, &w, sizeof(w), 0) != (ssize_t)sizeof(w) ||
	    memcmp(w.magic, magic, sizeof(magic)) != 0)
		return 0;
	uint64_t batch = get_u64(w.batch);
	return get_u64(w.sum) == batch_sum(batch) ? batch : 0;
}

/* A witness that cannot be written knows less; it is no reason to refuse a commit that is durable. */
static void witness_write(const struct ledger *l)
{
	struct witness w;
	if (l->witness_fd < 0)
		return;
	memcpy(w.magic, magic, sizeof(magic));
	put_u64(w.batch, l->committed.batch);
	put_u64(w.sum, batch_sum(l->committed.batch));
	(void)!pwrite(l->witness_fd, &w, sizeof(w), 0);
}

void ledger_sync(struct ledger *l)
{
	if (l->witness_fd >= 0)
		(void)fdatasync(l->witness_fd);
}

/* ---- the row ---- */

static int state_read(struct database *db, struct ledger_state *ret_state, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(db,
				 "SELECT batch, record_count, record_total, value_count, "
				 "value_total FROM ledger",
				 &statement, err);
	if (r < 0)
		return r;
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW)
		*ret_state = (struct ledger_state){
			.batch = (uint64_t)sqlite3_column_int64(statement, 0),
			.records = {(uint64_t)sqlite3_column_int64(statement, 1),
				    (uint64_t)sqlite3_column_int64(statement, 2)},
			.values = {(uint64_t)sqlite3_column_int64(statement, 3),
				   (uint64_t)sqlite3_column_int64(statement, 4)},
		};
	else if (step == SQLITE_DONE)
		r = error_set(err, ERR_INVALID, "%s is damaged: its ledger is missing",
			      db->path);
	else
		r = database_failed(db, "read", err);
	(void)sqlite3_finalize(statement);
	return r;
}

#define RECORDS_SQL "SELECT sum FROM record"
#define VALUES_SQL  "SELECT sum FROM data"
#define NOT_COUNTED UINT64_MAX /* of a database that has just got its ledger */

/* The sum of SQLite would end at 2^63. */
static int rows_count(struct database *db, const char *sql, struct ledger_rows *ret_rows,
		      struct error **err)
{
	sqlite3_stmt *statement = NULL;
	struct ledger_rows found = {0};
	int r = database_prepare(db, sql, &statement, err);
	if (r < 0)
		return r;
	int step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW)
		ledger_rows_add(&found, sqlite3_column_int64(statement, 0));
	if (step != SQLITE_DONE)
		r = database_failed(db, "read", err);
	(void)sqlite3_finalize(statement);
	if (r == 0)
		*ret_rows = found;
	return r;
}

static int count_all(struct database *db, struct ledger_state *state, struct error **err)
{
	int r = rows_count(db, RECORDS_SQL, &state->records, err);
	return r == 0 ? rows_count(db, VALUES_SQL, &state->values, err) : r;
}

int ledger_check(struct database *db, bool with_values, struct ledger_loss *ret_loss,
		 struct error **err)
{
	struct ledger_state told, found;
	CLEANUP(freep) char *path = witness_path(db);
	int r = state_read(db, &told, err);
	found = told;
	if (r == 0 && told.records.count != NOT_COUNTED)
		r = rows_count(db, RECORDS_SQL, &found.records, err);
	if (r == 0 && with_values && told.values.count != NOT_COUNTED)
		r = rows_count(db, VALUES_SQL, &found.values, err);
	if (r < 0)
		return r;
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t acknowledged = witness_read(fd);
	*ret_loss = (struct ledger_loss){
		.batches = acknowledged > told.batch ? acknowledged - told.batch : 0,
		.records = {(int64_t)(told.records.count - found.records.count),
			    told.records.total != found.records.total},
		.values = {(int64_t)(told.values.count - found.values.count),
			   told.values.total != found.values.total},
	};
	return 0;
}

/* ---- changes ---- */

int ledger_record(struct ledger *l, int kind, const char *id, const int64_t *sum,
		  struct error **err)
{
	(void)sqlite3_bind_int(l->sum_of, 1, kind);
	(void)sqlite3_bind_text(l->sum_of, 2, id, -1, SQLITE_STATIC);
	int step = sqlite3_step(l->sum_of), r = 0;
	if (step == SQLITE_ROW)
		ledger_rows_remove(&l->now.records, sqlite3_column_int64(l->sum_of, 0));
	else if (step != SQLITE_DONE)
		r = database_failed(l->db, "read", err);
	(void)sqlite3_reset(l->sum_of);
	(void)sqlite3_clear_bindings(l->sum_of);
	if (r == 0 && sum != NULL)
		ledger_rows_add(&l->now.records, *sum);
	return r;
}

int ledger_write(struct ledger *l, struct error **err)
{
	l->now.batch++;
	(void)sqlite3_bind_int64(l->write, 1, (int64_t)l->now.batch);
	(void)sqlite3_bind_int64(l->write, 2, (int64_t)l->now.records.count);
	(void)sqlite3_bind_int64(l->write, 3, (int64_t)l->now.records.total);
	(void)sqlite3_bind_int64(l->write, 4, (int64_t)l->now.values.count);
	(void)sqlite3_bind_int64(l->write, 5, (int64_t)l->now.values.total);
	return database_step(l->db, l->write, err);
}

void ledger_committed(struct ledger *l)
{
	l->committed = l->now;
	witness_write(l);
}

void ledger_rolled_back(struct ledger *l)
{
	l->now = l->committed;
}

int ledger_accept(struct ledger *l, struct error **err)
{
	struct ledger_state found = {0};
	uint64_t acknowledged = witness_read(l->witness_fd);
	int r = count_all(l->db, &found, err);
	if (r < 0)
		return r;
	found.batch = acknowledged > l->now.batch ? acknowledged : l->now.batch;
	l->now = found;
	r = ledger_write(l, err);
	if (r == 0)
		ledger_committed(l);
	else
		ledger_rolled_back(l);
	return r;
}

/* ---- life ---- */

static int prepare(struct ledger *l, struct error **err)
{
	int r = database_prepare(l->db, "SELECT sum FROM record WHERE kind=?1 AND id=?2",
				 &l->sum_of, err);
	if (r == 0)
		r = database_prepare(l->db,
				     "UPDATE ledger SET batch=?1, record_count=?2, "
				     "record_total=?3, value_count=?4, value_total=?5",
				     &l->write, err);
	return r;
}

/* A database that has just got its ledger. It must not depend on its log: a log that is lost as a whole
 * would leave a store that looks new. */
static int begin(struct ledger *l, struct error **err)
{
	/* What stands there is of a database that is gone. */
	if (l->db->is_updated && l->witness_fd >= 0)
		(void)!ftruncate(l->witness_fd, 0);
	int r = count_all(l->db, &l->now, err);
	if (r == 0)
		r = ledger_write(l, err);
	if (r == 0)
		r = database_exec(l->db, "PRAGMA wal_checkpoint(TRUNCATE)", err);
	if (r == 0)
		ledger_committed(l);
	return r;
}

int ledger_init(struct ledger *l, struct database *db, struct error **err)
{
	CLEANUP(freep) char *path = witness_path(db);
	*l = (struct ledger){.db = db, .witness_fd = -1};
	int r = prepare(l, err);
	if (r == 0)
		r = state_read(db, &l->committed, err);
	if (r < 0) {
		ledger_done(l);
		return r;
	}
	l->witness_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->committed.records.count == NOT_COUNTED)
		r = begin(l, err);
	if (r < 0)
		ledger_done(l);
	l->now = l->committed;
	return r;
}

void ledger_done(struct ledger *l)
{
	(void)sqlite3_finalize(l->sum_of);
	(void)sqlite3_finalize(l->write);
	closep(&l->witness_fd);
	*l = (struct ledger){.witness_fd = -1};
}
