#include "adapter/sqlite/moving.h"

#include "adapter/sqlite/store_schema.h"
#include "adapter/sqlite/store_work.h"
#include "base/check.h"
#include "base/str.h"

/* ---- the mark ---- */

void moving_mark_done(struct moving_mark *mark)
{
	free(mark->move);
	free(mark->other);
	*mark = (struct moving_mark){0};
}

static int table_find(struct database *db, bool *ret_is_there, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		db, "SELECT 1 FROM sqlite_master WHERE type='table' AND name='mark'",
		&statement, err);
	if (r < 0)
		return r;
	int step = sqlite3_step(statement);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		r = database_failed(db, "read", err);
	else
		*ret_is_there = step == SQLITE_ROW;
	(void)sqlite3_finalize(statement);
	return r;
}

int moving_mark_read(struct moving_mark *mark, struct database *db, struct error **err)
{
	bool is_there = false;
	sqlite3_stmt *statement = NULL;
	*mark = (struct moving_mark){0};
	int r = table_find(db, &is_there, err);
	if (r < 0 || !is_there)
		return r;
	r = database_prepare(db, "SELECT place, move, other, wall_ms FROM mark", &statement,
			     err);
	if (r < 0)
		return r;
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW) {
		mark->place = (enum store_place)sqlite3_column_int(statement, 0);
		mark->move = mem_strdup((const char *)sqlite3_column_text(statement, 1));
		mark->other = mem_strdup((const char *)sqlite3_column_text(statement, 2));
		mark->wall_ms = sqlite3_column_int64(statement, 3);
	} else if (step != SQLITE_DONE) {
		r = database_failed(db, "read", err);
	}
	(void)sqlite3_finalize(statement);
	return r;
}

static struct store_mark sqlite_mark(const struct store *store)
{
	const struct moving_mark *m = &((const struct sqlite_store *)store)->mark;
	return (struct store_mark){.place = m->place,
				   .move = m->move != NULL ? m->move : "",
				   .other = m->other != NULL ? m->other : "",
				   .wall_ms = m->wall_ms};
}

static int row_write(struct database *db, const struct store_mark *mark, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		db,
		"INSERT OR REPLACE INTO mark(one, place, move, other, wall_ms) "
		"VALUES(1, ?1, ?2, ?3, ?4)",
		&statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)mark->place);
	(void)sqlite3_bind_text(statement, 2, mark->move, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, mark->other, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 4, mark->wall_ms);
	r = database_step(db, statement, err);
	(void)sqlite3_finalize(statement);
	return r;
}

/* Table, row and version in one transaction. */
static int mark_write(struct database *db, const struct store_mark *mark, struct error **err)
{
	bool is_aside = mark->place != STORE_HERE;
	CLEANUP(freep)
	char *version = str_printf("PRAGMA user_version=%d",
				   store_schema.version + (is_aside ? DATABASE_ASIDE : 0));
	int r = database_exec(db,
			      "CREATE TABLE IF NOT EXISTS mark(one INTEGER PRIMARY KEY "
			      "CHECK(one=1), place INTEGER NOT NULL, move TEXT NOT NULL, other "
			      "TEXT NOT NULL, wall_ms INTEGER NOT NULL)",
			      err);
	if (r == 0)
		r = row_write(db, mark, err);
	return r == 0 ? database_exec(db, version, err) : r;
}

/* What is done between BEGIN and COMMIT. */
static int end_transaction(struct database *db, int r, struct error **err)
{
	if (r == 0)
		r = database_exec(db, "COMMIT", err);
	if (r < 0 && sqlite3_get_autocommit(db->handle) == 0)
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int sqlite_set_mark(struct store *store, const struct store_mark *mark,
			   struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct database *db = &s->commits.db;
	PRE(worker_waiting(s->commits.worker) == 0);
	const struct moving_mark set = {.place = mark->place,
					.move = mem_strdup(mark->move),
					.other = mem_strdup(mark->other),
					.wall_ms = mark->wall_ms};
	int r = database_exec(db, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = end_transaction(db, mark_write(db, mark, err), err);
	/* A file that is cut off from its log would say that it is here. */
	if (r == 0)
		r = database_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", err);
	struct moving_mark unused = r == 0 ? s->mark : set;
	moving_mark_done(&unused);
	if (r == 0)
		s->mark = set;
	return r;
}

/* ---- what it holds ---- */

static int damaged(const struct database *db, const char *what, struct error **err)
{
	return error_set(err, ERR_INVALID, "%s is damaged: %s; see 'zrms check'", db->path,
			 what);
}

static int visit_rows(struct database *db, const char *sql, enum store_part part,
		      int (*item_of)(sqlite3_stmt *row, struct store_item *item),
		      store_item_fn *each, void *user, struct error **err)
{
	sqlite3_stmt *row = NULL;
	int r = database_prepare(db, sql, &row, err);
	int step;
	while (r == 0 && (step = sqlite3_step(row)) != SQLITE_DONE) {
		struct store_item item = {.part = part};
		if (step != SQLITE_ROW)
			r = database_failed(db, "read", err);
		else if (item_of(row, &item) < 0)
			r = damaged(db, "a checksum is wrong", err);
		else
			r = each(user, &item, err);
	}
	(void)sqlite3_finalize(row);
	return r;
}

/* Columns: kind, id, data, whether it is sound. */
static int record_of(sqlite3_stmt *row, struct store_item *item)
{
	item->kind = (enum record_kind)sqlite3_column_int(row, 0);
	item->id = (const char *)sqlite3_column_text(row, 1);
	item->data = sqlite3_column_blob(row, 2);
	item->size = (size_t)sqlite3_column_bytes(row, 2);
	return sqlite3_column_int(row, 3) == 1 ? 0 : -1;
}

/* seq, data, whether it is sound. */
static int numbered_of(sqlite3_stmt *row, struct store_item *item)
{
	item->seq = (uint64_t)sqlite3_column_int64(row, 0);
	item->data = sqlite3_column_blob(row, 1);
	item->size = (size_t)sqlite3_column_bytes(row, 1);
	return sqlite3_column_int(row, 2) == 1 ? 0 : -1;
}

/* owner, key, value, whether it is sound. */
static int value_of(sqlite3_stmt *row, struct store_item *item)
{
	item->id = (const char *)sqlite3_column_text(row, 0);
	item->key = sqlite3_column_blob(row, 1);
	item->key_size = (size_t)sqlite3_column_bytes(row, 1);
	item->data = sqlite3_column_blob(row, 2);
	item->size = (size_t)sqlite3_column_bytes(row, 2);
	return sqlite3_column_int(row, 3) == 1 ? 0 : -1;
}

static int sqlite_visit(struct store *store, store_item_fn *each, void *user,
			struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct database *db = &s->commits.db;
	PRE(worker_waiting(s->commits.worker) == 0);
	int r = visit_rows(db,
			   "SELECT kind, id, data, sum=checksum(kind, id, data) FROM record "
			   "ORDER BY kind, id",
			   STORE_RECORDS, record_of, each, user, err);
	if (r == 0)
		r = visit_rows(db,
			       "SELECT seq, data, sum=checksum(seq, topology, data) FROM event "
			       "ORDER BY seq",
			       STORE_EVENTS, numbered_of, each, user, err);
	if (r == 0)
		r = visit_rows(
			db,
			"SELECT seq, data, sum=checksum(seq, time, user, data) FROM audit "
			"ORDER BY seq",
			STORE_AUDIT, numbered_of, each, user, err);
	if (r == 0)
		r = visit_rows(db,
			       "SELECT owner, key, value, sum=checksum(owner, key, value) FROM "
			       "data ORDER BY owner, key",
			       STORE_VALUES, value_of, each, user, err);
	return r;
}

static int sqlite_clear(struct store *store, struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct database *db = &s->commits.db;
	PRE(worker_waiting(s->commits.worker) == 0);
	int r = database_exec(db, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return r;
	s->ledger.now.records = s->ledger.now.values = (struct ledger_rows){0};
	r = database_exec(db,
			  "DELETE FROM record; DELETE FROM event; DELETE FROM audit;"
			  "DELETE FROM data",
			  err);
	if (r == 0)
		r = ledger_write(&s->ledger, err);
	r = end_transaction(db, r, err);
	if (r == 0)
		ledger_committed(&s->ledger);
	else
		ledger_rolled_back(&s->ledger);
	return r;
}

const struct store_moving sqlite_store_moving = {
	.mark = sqlite_mark,
	.set_mark = sqlite_set_mark,
	.visit = sqlite_visit,
	.clear = sqlite_clear,
	.events_max = HISTORY_KEPT,
};
