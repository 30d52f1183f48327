#include "adapter/sqlite/inspect.h"

#include <string.h>

#include "adapter/sqlite/ledger.h"
#include "adapter/sqlite/store_schema.h"
#include "base/check.h"
#include "base/str.h"

/* Calls `row` for each row of a query. */
static int rows(struct database *db, const char *sql,
		int (*row)(sqlite3_stmt *statement, void *user, struct error **err), void *user,
		struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(db, sql, &statement, err);
	int step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE)
		r = step == SQLITE_ROW ? row(statement, user, err)
				       : database_failed(db, "read", err);
	(void)sqlite3_finalize(statement);
	return r;
}

/* ---- records ---- */

struct finder {
	store_finding_fn *each;
	store_record_fn *record;
	void *user;
	enum store_finding_type type; /* of damaged rows */
	uint64_t damaged, count;
};

static int damaged_row(sqlite3_stmt *row, void *user, struct error **err)
{
	struct finder *f = user;
	(void)err;
	struct store_finding finding = {.type = f->type,
					.id = (const char *)sqlite3_column_text(row, 1)};
	if (f->type == STORE_EVENT_DAMAGED || f->type == STORE_AUDIT_DAMAGED)
		finding.count = (uint64_t)sqlite3_column_int64(row, 0);
	else if (f->type == STORE_RECORD_DAMAGED)
		finding.kind = (enum record_kind)sqlite3_column_int(row, 0);
	f->damaged++;
	f->each(f->user, &finding);
	return 0;
}

static void say_lost(const struct finder *f, enum store_finding_type type, int64_t missing)
{
	f->each(f->user, &(struct store_finding){.type = type,
						 .count = missing > 0 ? (uint64_t)missing : 0});
}

static int inspect_ledger(struct database *db, const struct finder *f, bool with_values,
			  struct error **err)
{
	struct ledger_loss loss;
	int r = ledger_check(db, with_values, &loss, err);
	if (r < 0)
		return r;
	if (loss.batches > 0)
		f->each(f->user, &(struct store_finding){.type = STORE_BATCHES_LOST,
							 .count = loss.batches});
	/* A damaged checksum makes the total wrong as well: one fault is one finding. */
	if (loss.records.missing != 0 || (loss.records.differ && f->damaged == 0))
		say_lost(f, STORE_RECORDS_LOST, loss.records.missing);
	if (loss.values.missing != 0 || (loss.values.differ && f->damaged == 0))
		say_lost(f, STORE_VALUES_LOST, loss.values.missing);
	return 0;
}

static int find_records(struct database *db, struct finder *f, struct error **err)
{
	f->type = STORE_RECORD_DAMAGED;
	return rows(db, "SELECT kind, id FROM record WHERE sum<>checksum(kind, id, data)",
		    damaged_row, f, err);
}

int inspect_records(struct database *db, store_finding_fn *each, void *user, struct error **err)
{
	struct finder f = {.each = each, .user = user};
	int r = find_records(db, &f, err);
	return r == 0 ? inspect_ledger(db, &f, false, err) : r;
}

/* ---- everything ---- */

static int count_row(sqlite3_stmt *row, void *user, struct error **err)
{
	(void)err;
	*(uint64_t *)user = (uint64_t)sqlite3_column_int64(row, 0);
	return 0;
}

static int shape_row(sqlite3_stmt *row, void *user, struct error **err)
{
	const struct finder *f = user;
	(void)err;
	const char *text = (const char *)sqlite3_column_text(row, 0);
	if (!str_equal(text, "ok"))
		f->each(f->user,
			&(struct store_finding){.type = STORE_SHAPE_DAMAGED, .id = text});
	return 0;
}

static int sound_row(sqlite3_stmt *row, void *user, struct error **err)
{
	const struct finder *f = user;
	return f->record(f->user, (enum record_kind)sqlite3_column_int(row, 0),
			 (const char *)sqlite3_column_text(row, 1), sqlite3_column_blob(row, 2),
			 (size_t)sqlite3_column_bytes(row, 2), err);
}

static int check_audit(struct database *db, struct finder *f, struct error **err)
{
	f->type = STORE_AUDIT_DAMAGED;
	return rows(db,
		    "SELECT seq, NULL FROM audit WHERE sum<>checksum(seq, time, user, data)",
		    damaged_row, f, err);
}

static int check_sums(struct database *db, struct finder *f, struct error **err)
{
	int r = find_records(db, f, err);
	f->type = STORE_EVENT_DAMAGED;
	if (r == 0)
		r = rows(db,
			 "SELECT seq, NULL FROM event WHERE sum<>checksum(seq, topology, data)",
			 damaged_row, f, err);
	f->type = STORE_VALUE_DAMAGED;
	if (r == 0)
		r = rows(db, "SELECT 0, owner FROM data WHERE sum<>checksum(owner, key, value)",
			 damaged_row, f, err);
	return r == 0 ? inspect_ledger(db, f, true, err) : r;
}

static int check_all(struct database *db, struct finder *f, struct store_inventory *inventory,
		     struct error **err)
{
	int r = rows(db, "PRAGMA integrity_check(20)", shape_row, f, err);
	if (r == 0)
		r = rows(db, "SELECT count(*) FROM record", count_row, &inventory->records,
			 err);
	if (r == 0)
		r = rows(db, "SELECT count(*) FROM event", count_row, &inventory->events, err);
	if (r == 0)
		r = rows(db, "SELECT count(*) FROM data", count_row, &inventory->values, err);
	if (r == 0 && inventory->has_sums)
		r = check_sums(db, f, err);
	if (r == 0 && inventory->version >= STORE_VERSION_AUDIT)
		r = check_audit(db, f, err);
	if (r == 0)
		r = rows(db,
			 inventory->has_sums ? "SELECT kind, id, data FROM record "
					       "WHERE sum=checksum(kind, id, data)"
					     : "SELECT kind, id, data FROM record",
			 sound_row, f, err);
	return r;
}

int sqlite_store_check(const char *path, store_finding_fn *each, store_record_fn *record,
		       void *user, struct store_inventory *ret_inventory, struct error **err)
{
	struct database db;
	struct store_inventory inventory = {0};
	struct finder f = {.each = each, .record = record, .user = user};
	int r = database_open_to_read(&db, path, &store_schema, &inventory.version, err);
	if (r < 0)
		return r;
	inventory.has_sums = inventory.version >= STORE_VERSION_SUMS;
	r = check_all(&db, &f, &inventory, err);
	database_close(&db);
	if (r == 0)
		*ret_inventory = inventory;
	return r;
}
