/*
 * A store that is damaged, or has lost something, says so: no change of a byte, no cut of a file and
 * no missing row passes for a store that is merely different (adapter/sqlite/ledger.h, inspect.h).
 */
#include "integrity_stage.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store/content.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/sqlite/kv.h"

#define GET(o, owner, key)    add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_GET, owner, key, NULL)
#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)

/* ---- single faults ---- */

static void a_sound_store_has_no_findings(void **state)
{
	struct fixture *f = *state;
	assert_text(findings(f), "");
	fill(f);
	assert_text(findings(f), "");
	change(f, "SELECT 1");
	assert_text(findings(f), "");
}

static void a_damaged_record_is_named_and_not_loaded(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_ZHOST, "a", "one");
	put_record(&f->outbox, RECORD_ZHOST, "b", "two");
	commit(f);
	change(f, "UPDATE record SET data=X'6f6e66' WHERE id='a'");
	assert_text(findings(f), "record 4/a\n");
	assert_text(records(f), "4/b=two ");
}

static void a_record_under_another_name_is_damaged(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_SLOT, "a/x", "one");
	commit(f);
	change(f, "UPDATE record SET id='a/y'");
	assert_text(findings(f), "record 8/a/y\n");
}

static void a_missing_record_is_noticed(void **state)
{
	struct fixture *f = *state;
	fill(f);
	change(f, "DELETE FROM record WHERE id='value-03'");
	assert_text(findings(f), "records-lost 1\n");
}

static void a_record_of_an_earlier_time_is_noticed(void **state)
{
	struct fixture *f = *state;
	put_record(&f->outbox, RECORD_META, "", "old");
	commit(f);
	change(f, "CREATE TABLE kept AS SELECT * FROM record");
	put_record(&f->outbox, RECORD_META, "", "new");
	commit(f);
	change(f, "DELETE FROM record; INSERT INTO record SELECT * FROM kept; DROP TABLE kept");
	assert_text(findings(f), "records-lost 0\n");
}

static void what_is_lost_can_be_accepted(void **state)
{
	struct fixture *f = *state;
	fill(f);
	change(f, "DELETE FROM record WHERE id='value-03';"
		  "UPDATE record SET data=X'00' WHERE id='value-04'");
	assert_text(findings(f), "record 8/value-04\nrecords-lost 1\n");
	assert_int_equal(f->store->ops->accept_loss(f->store, NULL), 0);
	assert_text(findings(f), "");
	change(f, "SELECT 1");
	assert_text(findings(f), "");
	put_record(&f->outbox, RECORD_SLOT, "value-03", "again");
	commit(f);
	assert_text(findings(f), "");
}

static void a_damaged_value_is_an_error_and_a_damaged_event_is_left_out(void **state)
{
	struct fixture *f = *state;
	fill(f);
	change(f, "UPDATE data SET value=X'00' WHERE key=CAST('value-05' AS BLOB);"
		  "UPDATE event SET data=zeroblob(length(data)) WHERE seq=2");
	GET(&f->outbox, "shop/api", "value-05");
	GET(&f->outbox, "shop/api", "value-06");
	PUT(&f->outbox, "shop/api", "value-05", "new");
	GET(&f->outbox, "shop/api", "value-05");
	commit_to(f, f->store);
	CLEANUP(freep) char *expected = str_printf("%d;0=value-06;0;0=new;", -EIO);
	assert_text(said(f), expected);
	list_events(f, f->store);
	CLEANUP(freep) char *events = said(f);
	assert_non_null(strstr(events, "1shop/api 3shop/api "));
}

static int on_value(void *user, const void *key, size_t key_size, const void *value,
		    size_t value_size, struct error **err)
{
	(void)user, (void)key, (void)key_size, (void)value, (void)value_size, (void)err;
	return 0;
}

static void on_put(void *user, enum commit_outcome outcome, const struct error *error,
		   struct data_answer *answers)
{
	(void)error, (void)answers;
	assert_int_equal(outcome, COMMIT_DURABLE);
	*(bool *)user = true;
}

static void kv_close(struct fixture *f, struct kv *kv)
{
	bool is_closed = false;
	kv->ops->close(kv, on_closed, &is_closed);
	loop_until(&f->loop, &is_closed);
}

static void a_damaged_record_of_a_zhost_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *path = directory_file(f->directory, "kv.db");
	char owner[] = "@agent", key[] = "k", value[] = "v";
	const struct kv_change put = {.operation = KV_PUT,
				      .owner = owner,
				      .key = key,
				      .key_size = 1,
				      .value = value,
				      .value_size = 1};
	struct kv *kv = NULL;
	bool is_done = false;
	assert_int_equal(sqlite_kv_open(&f->loop, path, &kv, NULL), 0);
	kv->ops->commit(kv, &put, 1, on_put, &is_done);
	loop_until(&f->loop, &is_done);
	assert_int_equal(kv->ops->load(kv, owner, on_value, NULL, NULL), 0);
	kv_close(f, kv);
	sql(path, "UPDATE data SET value=X'00'");
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(sqlite_kv_open(&f->loop, path, &kv, NULL), 0);
	assert_int_equal(kv->ops->load(kv, owner, on_value, NULL, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "is damaged: the checksum of 'k' of @agent"));
	kv_close(f, kv);
}

/* ---- looking ---- */

static char *directory_text(struct fixture *f, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		CLEANUP(freep) char *name = str_printf("%s%s", path, suffixes[i]);
		CLEANUP(freep) uint8_t *data = NULL;
		size_t size = file_read(name, &data);
		say(f, "%zu:", size);
		for (size_t k = 0; size != SIZE_MAX && k < size; k++)
			say(f, "%02x", data[k]);
	}
	CLEANUP(freep) char *index = str_printf("%s-shm", path);
	say(f, "%d", access(index, F_OK));
	return said(f);
}

static void check_looks(struct fixture *f, const char *path, const char *expected)
{
	struct store_inventory inventory;
	CLEANUP(freep) char *before = directory_text(f, path);
	assert_int_equal(sqlite_store_check(path, on_finding, on_record, f, &inventory, NULL),
			 0);
	CLEANUP(freep) char *seen = said(f);
	if (strstr(seen, expected) != seen)
		fail_msg("'%s' does not begin with '%s'", seen, expected);
	CLEANUP(freep) char *after = directory_text(f, path);
	assert_string_equal(after, before);
	assert_int_equal(inventory.events, BATCHES);
}

static void looking_finds_the_same_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	fill(f);
	CLEANUP(freep) char *killed = copy_files(f, "killed.db"); /* most of it in its log */
	check_looks(f, killed, "1/=value-11 8/value-00=");
	store_close(f, &f->store);
	check_looks(f, f->path, "1/=value-11 8/value-00=");
	sql(f->path, "UPDATE record SET data=X'00' WHERE id='value-01';"
		     "UPDATE event SET data=X'00' WHERE seq=3; UPDATE data SET value=X'00'"
		     " WHERE key=CAST('value-02' AS BLOB)");
	check_looks(f, f->path, "record 8/value-01\nevent 3\nvalue shop/api\n1/=value-11 ");
}

static void a_store_in_use_is_not_looked_into(void **state)
{
	struct fixture *f = *state;
	struct store_inventory inventory;
	assert_int_equal(
		sqlite_store_check(f->path, on_finding, on_record, f, &inventory, NULL),
		ERR_CONFLICT);
	assert_int_equal(
		sqlite_store_check("/nonexistent", on_finding, on_record, f, &inventory, NULL),
		ERR_NOT_FOUND);
}

/* ---- earlier versions ---- */

static int64_t number(const char *path, const char *query)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return value;
}

static void a_store_without_checksums_gets_them(void **state)
{
	static const char *const names[] = {"format1/stopped", "format1/killed",
					    "format2/stopped", "format2/killed"};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *dump = str_printf("%s/%s.sql", COMPAT_DIR, names[i]);
		CLEANUP(freep) char *path = directory_file(f->directory, "old.db");
		CLEANUP(freep) uint8_t *text = NULL;
		struct store_inventory inventory;
		assert_int_not_equal(file_read(dump, &text), SIZE_MAX);
		(void)unlink(path);
		sql(path, (const char *)text);
		assert_int_equal(number(path, "PRAGMA user_version"), 1);
		assert_int_equal(
			sqlite_store_check(path, on_finding, on_record, f, &inventory, NULL),
			0);
		assert_false(inventory.has_sums);
		CLEANUP(freep) char *before = said(f);
		store_close(f, &f->store);
		assert_int_equal(sqlite_store_open(&f->loop, path, &f->store, NULL), 0);
		assert_text(findings(f), "");
		CLEANUP(freep) char *after = records(f);
		assert_string_equal(after, before);
		/* The way back. */
		CLEANUP(freep) char *copy = str_printf("%s.back", path);
		assert_int_equal(f->store->ops->keep_copy(f->store, ".back", NULL), 0);
		assert_int_equal(number(copy, "PRAGMA user_version"), 1);
		assert_int_equal(
			sqlite_store_check(copy, on_finding, on_record, f, &inventory, NULL),
			0);
		assert_false(inventory.has_sums);
		assert_text(said(f), before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_store_has_no_findings),
		TEST(a_damaged_record_is_named_and_not_loaded),
		TEST(a_record_under_another_name_is_damaged),
		TEST(a_missing_record_is_noticed),
		TEST(a_record_of_an_earlier_time_is_noticed),
		TEST(what_is_lost_can_be_accepted),
		TEST(a_damaged_value_is_an_error_and_a_damaged_event_is_left_out),
		TEST(a_damaged_record_of_a_zhost_is_refused),
		TEST(looking_finds_the_same_and_changes_nothing),
		TEST(a_store_in_use_is_not_looked_into),
		TEST(a_store_without_checksums_gets_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
