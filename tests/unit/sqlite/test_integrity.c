/*
 * A store that is damaged, or has lost something, says so: no change of a byte, no cut of a file and
 * no missing row passes for a store that is merely different (adapter/sqlite/ledger.h, inspect.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
#include "adapter/sqlite/store.h"
#include "base/buffer.h"
#include "base/str.h"
#include "directory.h"

#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)
#define GET(o, owner, key)    add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_GET, owner, key, NULL)
#define TEXT_MAX	      (64 * 1024 * 1024)

/* ---- a store in a directory ---- */

struct fixture {
	struct loop loop;
	char *directory, *path;
	struct store *store; /* NULL: closed */
	struct outbox outbox;
	struct buffer seen; /* what a store said, as text */
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	assert_int_equal(loop_init(&f->loop, NULL), 0);
	f->directory = directory_new();
	f->path = directory_file(f->directory, "store.db");
	outbox_init(&f->outbox);
	f->seen = (struct buffer)BUFFER_INIT(TEXT_MAX);
	assert_int_equal(sqlite_store_open(&f->loop, f->path, &f->store, NULL), 0);
	*state = f;
	return 0;
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static void store_close(struct fixture *f, struct store **store)
{
	bool is_closed = false;
	if (*store == NULL)
		return;
	(*store)->ops->close(*store, on_closed, &is_closed);
	loop_until(&f->loop, &is_closed);
	*store = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	store_close(f, &f->store);
	outbox_done(&f->outbox);
	buffer_done(&f->seen);
	loop_done(&f->loop);
	directory_remove(f->directory);
	free(f->directory);
	free(f->path);
	free(f);
	return 0;
}

static void say(struct fixture *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(struct fixture *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	assert_int_equal(buffer_add(&f->seen, text, strlen(text)), 0);
}

/* What was said since the last call; the caller frees. */
static char *said(struct fixture *f)
{
	char *text = mem_strndup(f->seen.data != NULL ? (const char *)f->seen.data : "",
				 f->seen.size);
	buffer_clear(&f->seen);
	return text;
}

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_string_equal(text_, expected); \
	} while (0)

/* ---- what a store holds ---- */

struct waited {
	struct fixture *f;
	size_t count;
	bool is_done;
};

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct waited *w = user;
	(void)error;
	assert_int_equal(outcome, COMMIT_DURABLE);
	for (size_t i = 0; i < w->count; i++) {
		say(w->f, "%d", answers[i].status);
		if (answers[i].value != NULL)
			say(w->f, "=%.*s", (int)answers[i].value_size,
			    (const char *)answers[i].value);
		say(w->f, ";");
	}
	w->is_done = true;
}

static void commit_to(struct fixture *f, struct store *store)
{
	struct waited w = {.f = f, .count = f->outbox.data.count};
	store->ops->commit(store, &f->outbox, on_committed, &w);
	loop_until(&f->loop, &w.is_done);
	outbox_clear(&f->outbox);
}

static void commit(struct fixture *f)
{
	commit_to(f, f->store);
	buffer_clear(&f->seen);
}

static void on_finding(void *user, const struct store_finding *finding)
{
	static const char *const names[] = {
		[STORE_RECORD_DAMAGED] = "record",   [STORE_EVENT_DAMAGED] = "event",
		[STORE_VALUE_DAMAGED] = "value",     [STORE_RECORDS_LOST] = "records-lost",
		[STORE_VALUES_LOST] = "values-lost", [STORE_BATCHES_LOST] = "batches-lost",
		[STORE_SHAPE_DAMAGED] = "shape",
	};
	struct fixture *f = user;
	if (finding->type == STORE_RECORD_DAMAGED)
		say(f, "record %d/%s\n", (int)finding->kind, finding->id);
	else if (finding->type == STORE_VALUE_DAMAGED)
		say(f, "value %s\n", finding->id);
	else
		say(f, "%s %" PRIu64 "\n", names[finding->type], finding->count);
}

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)err;
	say(user, "%d/%s=%.*s ", (int)kind, id, (int)size, (const char *)data);
	return 0;
}

static char *findings(struct fixture *f)
{
	assert_int_equal(f->store->ops->inspect(f->store, on_finding, f, NULL), 0);
	return said(f);
}

static char *records(struct fixture *f)
{
	assert_int_equal(f->store->ops->load(f->store, on_record, f, NULL), 0);
	return said(f);
}

static void on_listed(void *user, int code, const struct error *error,
		      Samoza__V1__EventRecord **events, size_t count, bool more)
{
	struct waited *w = user;
	(void)error, (void)more;
	if (code < 0)
		say(w->f, "error ");
	for (size_t i = 0; i < count; i++)
		say(w->f, "%" PRIu64 "%s ", events[i]->seq, events[i]->subject);
	w->is_done = true;
}

static void list_events(struct fixture *f, struct store *store)
{
	struct waited w = {.f = f};
	store->ops->events(store, 0, NULL, 100, on_listed, &w);
	loop_until(&f->loop, &w.is_done);
}

/* 12 batches, each with a record that the next one replaces, one that stays, an event, a value. */
enum { BATCHES = 12 };

static void fill(struct fixture *f)
{
	for (int i = 0; i < BATCHES; i++) {
		CLEANUP(freep) char *text = str_printf("value-%02d", i);
		put_record(&f->outbox, RECORD_META, "", text);
		put_record(&f->outbox, RECORD_SLOT, text,
			   "a slot of some length, as slots are");
		add_event(&f->outbox, (uint64_t)i + 1, "shop");
		PUT(&f->outbox, "shop/api", text, text);
		commit(f);
	}
}

/* ---- files ---- */

static size_t file_read(const char *path, uint8_t **ret_data)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	if (file == NULL) {
		*ret_data = NULL;
		return SIZE_MAX; /* there is none */
	}
	assert_int_equal(fstat(fileno(file), &info), 0);
	*ret_data = mem_calloc(1, (size_t)info.st_size + 1);
	assert_int_equal(fread(*ret_data, 1, (size_t)info.st_size, file), info.st_size);
	assert_int_equal(fclose(file), 0);
	return (size_t)info.st_size;
}

static void file_write(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static const char *const suffixes[] = {"", "-wal", "-acknowledged"};

/* What is on disk at this moment, as after kill -9: in another file. */
static char *copy_files(struct fixture *f, const char *name)
{
	char *to = directory_file(f->directory, name);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		CLEANUP(freep) char *source = str_printf("%s%s", f->path, suffixes[i]);
		CLEANUP(freep) char *target = str_printf("%s%s", to, suffixes[i]);
		CLEANUP(freep) uint8_t *data = NULL;
		size_t size = file_read(source, &data);
		(void)unlink(target);
		if (size != SIZE_MAX)
			file_write(target, data, size);
	}
	return to;
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void change(struct fixture *f, const char *text)
{
	store_close(f, &f->store);
	sql(f->path, text);
	assert_int_equal(sqlite_store_open(&f->loop, f->path, &f->store, NULL), 0);
}

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

/* ---- any fault ---- */

/* Everything that the store in `path` hands out; "refused" when it does not open or load. Findings
 * first, after them "--". */
static char *everything(struct fixture *f, const char *path)
{
	struct store *store = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (sqlite_store_open(&f->loop, path, &store, &err) < 0)
		return mem_strdup("refused--");
	bool is_fine = store->ops->inspect(store, on_finding, f, &err) == 0;
	say(f, "--");
	is_fine = is_fine && store->ops->load(store, on_record, f, &err) == 0;
	if (is_fine) {
		for (int i = 0; i < BATCHES; i++) {
			CLEANUP(freep) char *key = str_printf("value-%02d", i);
			GET(&f->outbox, "shop/api", key);
		}
		commit_to(f, store);
	}
	store_close(f, &store);
	CLEANUP(freep) char *text = said(f);
	return is_fine ? steal_ptr(&text) : mem_strdup("refused--");
}

/* Whether a look into it finds something. */
static bool is_noticed(struct fixture *f, const char *path)
{
	struct store_inventory inventory;
	CLEANUP(error_freep) struct error *err = NULL;
	if (sqlite_store_check(path, on_finding, on_record, f, &inventory, &err) < 0) {
		buffer_clear(&f->seen);
		return true;
	}
	CLEANUP(freep) char *text = said(f);
	static const char *const words[] = {"record ", "event ", "value ", "lost ", "shape "};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]) != NULL)
			return true;
	return false;
}

/* Not silently different. Records: a start refuses, or has a finding. Values: they are errors, or at
 * least a look into the store has a finding. */
static void check_told(struct fixture *f, const char *path, const char *whole, const char *what,
		       size_t at)
{
	bool noticed = is_noticed(f, path);
	CLEANUP(freep) char *found = everything(f, path);
	size_t records = (size_t)(strstr(whole, "0=value-") - whole);
	if (strncmp(found, "--", 2) != 0 || strcmp(found, whole) == 0)
		return;
	if (strncmp(found, whole, records) != 0)
		fail_msg("%s %zu: without a word\n%s\ninstead of\n%s", what, at, found, whole);
	if (!noticed && strstr(found, "-5;") == NULL)
		fail_msg("%s %zu: zrms check finds nothing\n%s\ninstead of\n%s", what, at,
			 found, whole);
}

static void no_flipped_bit_changes_anything_in_silence(void **state)
{
	struct fixture *f = *state;
	fill(f);
	store_close(f, &f->store); /* all of it is in the file itself */
	CLEANUP(freep) char *whole = everything(f, f->path);
	CLEANUP(freep) uint8_t *data = NULL;
	CLEANUP(freep) char *path = directory_file(f->directory, "flipped.db");
	size_t size = file_read(f->path, &data);
	/* Steps that meet every kind of page and every bit. */
	for (size_t bit = 0; bit < size * 8; bit += 331) {
		CLEANUP(freep) uint8_t *changed = mem_memdup(data, size);
		changed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		for (size_t i = 1; i < ARRAY_SIZE(suffixes); i++) {
			CLEANUP(freep) char *other = str_printf("%s%s", path, suffixes[i]);
			(void)unlink(other);
		}
		file_write(path, changed, size);
		check_told(f, path, whole, "bit", bit);
	}
}

static void no_cut_of_the_log_passes_unnoticed(void **state)
{
	struct fixture *f = *state;
	fill(f);
	CLEANUP(freep) char *copy = copy_files(f, "whole.db");
	CLEANUP(freep) char *whole = everything(f, copy);
	assert_true(strncmp(whole, "--", 2) == 0);
	CLEANUP(freep) uint8_t *log = NULL;
	CLEANUP(freep) char *log_path = str_printf("%s-wal", f->path);
	size_t size = file_read(log_path, &log);
	assert_true(size != SIZE_MAX && size > 4096);
	unsigned lost = 0;
	for (size_t left = 0; left < size; left += 1999) {
		CLEANUP(freep) char *path = copy_files(f, "cut.db");
		CLEANUP(freep) char *cut = str_printf("%s-wal", path);
		file_write(cut, log, left);
		lost += is_noticed(f, path);
		check_told(f, path, whole, "log cut at", left);
	}
	assert_true(lost > 10);
}

static void a_store_without_a_witness_is_taken_as_it_is(void **state)
{
	struct fixture *f = *state;
	fill(f);
	CLEANUP(freep) char *copy = copy_files(f, "whole.db");
	CLEANUP(freep) char *witness = str_printf("%s-acknowledged", copy);
	assert_int_equal(unlink(witness), 0);
	CLEANUP(freep) char *found = everything(f, copy);
	assert_true(strncmp(found, "--", 2) == 0);
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

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
		TEST(no_flipped_bit_changes_anything_in_silence),
		TEST(no_cut_of_the_log_passes_unnoticed),
		TEST(a_store_without_a_witness_is_taken_as_it_is),
		TEST(looking_finds_the_same_and_changes_nothing),
		TEST(a_store_in_use_is_not_looked_into),
		TEST(a_store_without_checksums_gets_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
