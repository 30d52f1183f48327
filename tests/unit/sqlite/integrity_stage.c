#include "integrity_stage.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store/content.h"

#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)
#define TEXT_MAX	      (64 * 1024 * 1024)

/* ---- a store in a directory ---- */

int setup(void **state)
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

void on_closed(void *user)
{
	*(bool *)user = true;
}

void store_close(struct fixture *f, struct store **store)
{
	bool is_closed = false;
	if (*store == NULL)
		return;
	(*store)->ops->close(*store, on_closed, &is_closed);
	loop_until(&f->loop, &is_closed);
	*store = NULL;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	store_close(f, &f->store);
	outbox_done(&f->outbox);
	buffer_done(&f->seen);
	loop_done(&f->loop);
	directory_delete(f->directory);
	free(f->directory);
	free(f->path);
	free(f);
	return 0;
}

void say(struct fixture *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	assert_int_equal(buffer_add(&f->seen, text, strlen(text)), 0);
}

char *said(struct fixture *f)
{
	char *text = mem_strndup(f->seen.data != NULL ? (const char *)f->seen.data : "",
				 f->seen.size);
	buffer_clear(&f->seen);
	return text;
}

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

void commit_to(struct fixture *f, struct store *store)
{
	struct waited w = {.f = f, .count = f->outbox.data.count};
	store->ops->commit(store, &f->outbox, on_committed, &w);
	loop_until(&f->loop, &w.is_done);
	outbox_clear(&f->outbox);
}

void commit(struct fixture *f)
{
	commit_to(f, f->store);
	buffer_clear(&f->seen);
}

void on_finding(void *user, const struct store_finding *finding)
{
	static const char *const names[] = {
		[STORE_RECORD_DAMAGED] = "record",     [STORE_EVENT_DAMAGED] = "event",
		[STORE_AUDIT_DAMAGED] = "audit",       [STORE_VALUE_DAMAGED] = "value",
		[STORE_RECORDS_LOST] = "records-lost", [STORE_VALUES_LOST] = "values-lost",
		[STORE_BATCHES_LOST] = "batches-lost", [STORE_SHAPE_DAMAGED] = "shape",
	};
	struct fixture *f = user;
	if (finding->type == STORE_RECORD_DAMAGED)
		say(f, "record %d/%s\n", (int)finding->kind, finding->id);
	else if (finding->type == STORE_VALUE_DAMAGED)
		say(f, "value %s\n", finding->id);
	else
		say(f, "%s %" PRIu64 "\n", names[finding->type], finding->count);
}

int on_record(void *user, enum record_kind kind, const char *id, const void *data, size_t size,
	      struct error **err)
{
	(void)err;
	say(user, "%d/%s=%.*s ", (int)kind, id, (int)size, (const char *)data);
	return 0;
}

char *findings(struct fixture *f)
{
	assert_int_equal(f->store->ops->inspect(f->store, on_finding, f, NULL), 0);
	return said(f);
}

char *records(struct fixture *f)
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

void list_events(struct fixture *f, struct store *store)
{
	struct waited w = {.f = f};
	store->ops->events(store, 0, NULL, 100, on_listed, &w);
	loop_until(&f->loop, &w.is_done);
}

void fill(struct fixture *f)
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

const char *const suffixes[STORE_FILES] = {"", "-wal", "-acknowledged"};

size_t file_read(const char *path, uint8_t **ret_data)
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

void file_write(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

char *copy_files(struct fixture *f, const char *name)
{
	char *to = directory_file(f->directory, name);
	for (size_t i = 0; i < STORE_FILES; i++) {
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

void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void change(struct fixture *f, const char *text)
{
	store_close(f, &f->store);
	sql(f->path, text);
	assert_int_equal(sqlite_store_open(&f->loop, f->path, &f->store, NULL), 0);
}
