/* adapter/sqlite/store.h: what is acknowledged is there, whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/content.h"
#include "adapter/sqlite/history.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "directory.h"

/* ---- batches ---- */

#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)

struct waited {
	bool done;
	int code;
	char *text; /* what it saw, as one line */
};

static void append(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char **text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *more = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s%s", *text != NULL ? *text : "", more);
	free(*text);
	*text = whole;
}

struct waited_commit {
	struct waited waited;
	size_t count;
};

static void committed(void *user, enum commit_outcome outcome, const struct error *error,
		      struct data_answer *answers)
{
	(void)error;
	struct waited_commit *w = user;
	for (size_t i = 0; i < w->count; i++) {
		append(&w->waited.text, "%d", answers[i].status);
		if (answers[i].value != NULL)
			append(&w->waited.text, "=%s", (const char *)answers[i].value);
		for (size_t k = 0; k < answers[i].key_count; k++)
			append(&w->waited.text, " %s", (const char *)answers[i].keys[k].data);
		append(&w->waited.text, answers[i].more ? "...;" : ";");
	}
	w->waited.code = (int)outcome;
	w->waited.done = true;
}

/* Commits and waits; returns what the data operations answered: "0;-2;0=value;" */
static char *commit(struct loop *loop, struct store *store, struct outbox *o)
{
	struct waited_commit w = {.count = o->data.count};
	store->ops->commit(store, o, committed, &w);
	loop_until(loop, &w.waited.done);
	assert_int_equal(w.waited.code, 0);
	outbox_clear(o);
	return w.waited.text;
}

static void listed(void *user, int code, const struct error *error,
		   Samoza__V1__EventRecord **events, size_t count, bool more)
{
	(void)error;
	struct waited *w = user;
	for (size_t i = 0; i < count; i++)
		append(&w->text, "%" PRIu64 " ", events[i]->seq);
	append(&w->text, more ? "more" : "end");
	w->code = code;
	w->done = true;
}

static char *events(struct loop *loop, struct store *store, uint64_t after,
		    const char *topology, uint32_t limit)
{
	struct waited w = {0};
	store->ops->events(store, after, topology, limit, listed, &w);
	loop_until(loop, &w.done);
	assert_int_equal(w.code, 0);
	return w.text;
}

static void closed(void *user)
{
	*(bool *)user = true;
}

static void store_close(struct loop *loop, struct store *store)
{
	bool done = false;
	store->ops->close(store, closed, &done);
	loop_until(loop, &done);
}

/* ---- a fixture: a loop, a directory, a store in it ---- */

struct fixture {
	struct loop loop;
	char *directory, *path;
	struct store *store;
	struct outbox outbox;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	assert_int_equal(loop_init(&f->loop, NULL), 0);
	f->directory = directory_new();
	f->path = directory_file(f->directory, "store.db");
	assert_int_equal(sqlite_store_open(&f->loop, f->path, &f->store, NULL), 0);
	outbox_init(&f->outbox);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	store_close(&f->loop, f->store);
	outbox_done(&f->outbox);
	loop_done(&f->loop);
	directory_delete(f->directory);
	free(f->directory);
	free(f->path);
	free(f);
	return 0;
}

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_non_null(text_);               \
		assert_string_equal(text_, expected); \
	} while (0)

/* ---- events ---- */

static void only_the_newest_events_are_kept(void **state)
{
	struct fixture *f = *state;
	add_event(&f->outbox, 1, NULL);
	add_event(&f->outbox, 2, NULL);
	free(commit(&f->loop, f->store, &f->outbox));
	add_event(&f->outbox, HISTORY_KEPT + 5000, NULL);
	free(commit(&f->loop, f->store, &f->outbox));
	assert_text(events(&f->loop, f->store, 0, NULL, 10), "1005000 end");
}

/* ---- files that are not ours to open ---- */

static void refused(const char *path, int code, const char *part)
{
	struct loop loop;
	struct store *store = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(loop_init(&loop, NULL), 0);
	assert_int_equal(sqlite_store_open(&loop, path, &store, &err), code);
	if (strstr(err->message, part) == NULL)
		fail_msg("'%s' does not say '%s'", err->message, part);
	loop_done(&loop);
}

static void a_second_user_is_refused(void **state)
{
	struct fixture *f = *state;
	refused(f->path, ERR_CONFLICT, "in use by another process");
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	store_close(&f->loop, f->store);
	sql(f->path, "PRAGMA user_version=999");
	refused(f->path, ERR_UNSUPPORTED, "999");
	sql(f->path, "PRAGMA user_version=3");
	assert_int_equal(sqlite_store_open(&f->loop, f->path, &f->store, NULL), 0);
}

static void files_of_others_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *other = directory_file(f->directory, "other.db");
	sql(other, "CREATE TABLE x(y)");
	refused(other, ERR_INVALID, "not a file of this program");
	CLEANUP(freep) char *text = directory_file(f->directory, "text.db");
	FILE *file = fopen(text, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		(void)fprintf(file, "this is no database\n");
	(void)fclose(file);
	refused(text, ERR_INVALID, "not a database");
	refused("/nonexistent/x.db", ERR_NOT_FOUND, "/nonexistent/x.db");
}

static void the_file_is_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	struct stat info;
	assert_int_equal(stat(f->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

/* ---- a machine without threads ---- */

/* Nothing as large as the stack of a thread fits into the memory of this process any more. */
static void leave_no_room_for_threads(void)
{
	unsigned long pages = 0;
	pthread_attr_t large; /* than the stacks that are kept from threads before */
	(void)pthread_attr_init(&large);
	assert_int_equal(pthread_attr_setstacksize(&large, 64u * 1024 * 1024), 0);
	assert_int_equal(pthread_setattr_default_np(&large), 0);
	(void)pthread_attr_destroy(&large);
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &pages), 1);
	(void)fclose(file);
	rlim_t bytes = pages * (rlim_t)sysconf(_SC_PAGESIZE) + 3 * 1024 * 1024;
	assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}), 0);
}

static int without_threads(const char *path)
{
	struct loop loop;
	struct store *store = NULL;
	struct error *err = NULL;
	if (loop_init(&loop, NULL) < 0)
		return 2;
	leave_no_room_for_threads();
	if (sqlite_store_open(&loop, path, &store, &err) != ERR_IO ||
	    strstr(err->message, "cannot start the thread 'store'") == NULL)
		return 3;
	error_free(steal_ptr(&err));
	if (loop_start_threads(&loop, &err) != ERR_IO ||
	    strstr(err->message, "cannot make 4 threads") == NULL)
		return 4;
	error_free(err);
	loop_done(&loop);
	return 0;
}

static void a_thread_that_cannot_be_made_is_an_error(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *path = directory_file(f->directory, "threads.db");
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(without_threads(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- failures that pass ---- */

/* No file of this process may grow; or all may again. */
static void set_full(bool is_full)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void until_failing(struct fixture *f, bool is_failing)
{
	for (int tries = 0; store_is_failing(f->store) != is_failing && tries < 1000; tries++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(store_is_failing(f->store), is_failing);
}

/* Both batches wait, in order, and neither is answered before it is durable. */
static void a_commit_that_fails_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct waited_commit first = {.count = 1}, second = {.count = 1};
	struct outbox other;
	outbox_init(&other);
	set_full(true);
	PUT(&f->outbox, "shop/store", "k", "one");
	add_event(&f->outbox, 1, NULL);
	f->store->ops->commit(f->store, &f->outbox, committed, &first);
	until_failing(f, true);
	PUT(&other, "shop/store", "k", "two");
	f->store->ops->commit(f->store, &other, committed, &second);
	assert_false(first.waited.done);
	set_full(false);
	loop_until(&f->loop, &second.waited.done);
	assert_true(first.waited.done);
	assert_int_equal(first.waited.code, COMMIT_DURABLE);
	assert_int_equal(second.waited.code, COMMIT_DURABLE);
	until_failing(f, false);
	assert_text(events(&f->loop, f->store, 0, NULL, 10), "1 end");
	outbox_clear(&f->outbox);
	add_data(&f->outbox, SAMOZA__V1__DATA_OPERATION__DATA_GET, "shop/store", "k", NULL);
	assert_text(commit(&f->loop, f->store, &f->outbox), "0=two;");
	outbox_done(&other);
	free(first.waited.text);
	free(second.waited.text);
}

/* What is asked while it fails and what was asked together with it; the rest comes when it is durable. */
static void what_is_durable_is_read_while_a_commit_fails(void **state)
{
	struct fixture *f = *state;
	struct waited_commit commits[2] = {{.count = 0}, {.count = 0}};
	struct outbox other;
	outbox_init(&other);
	add_event(&f->outbox, 1, NULL);
	free(commit(&f->loop, f->store, &f->outbox));
	outbox_clear(&f->outbox);
	set_full(true);
	add_event(&f->outbox, 2, NULL);
	f->store->ops->commit(f->store, &f->outbox, committed, &commits[0]);
	assert_text(events(&f->loop, f->store, 0, NULL, 10), "1 end");
	until_failing(f, true);
	add_event(&other, 3, NULL);
	f->store->ops->commit(f->store, &other, committed, &commits[1]);
	for (int n = 0; n < 3; n++)
		assert_text(events(&f->loop, f->store, 0, NULL, 10), "1 end");
	assert_false(commits[0].waited.done);
	set_full(false);
	loop_until(&f->loop, &commits[1].waited.done);
	assert_true(commits[0].waited.done);
	assert_text(events(&f->loop, f->store, 0, NULL, 10), "1 2 3 end");
	outbox_done(&other);
	for (size_t n = 0; n < ARRAY_SIZE(commits); n++)
		free(commits[n].waited.text);
}

/* What a reader was given. */
struct reading {
	struct waited waited;
	unsigned records;
	bool at_end;
};

static int on_read_record(void *user, enum record_kind kind, const char *id, const void *data,
			  size_t size, struct error **err)
{
	struct reading *reading = user;
	(void)err;
	assert_false(reading->at_end);
	assert_int_equal(kind, RECORD_ZHOST);
	assert_string_equal(id, "z");
	assert_int_equal(size, 3);
	assert_memory_equal(data, "old", 3);
	reading->records++;
	return 0;
}

static int on_read_end(void *user, struct error **err)
{
	struct reading *reading = user;
	(void)err;
	reading->at_end = true;
	return 0;
}

static void on_read(void *user, int code, const struct error *error)
{
	struct reading *reading = user;
	assert_int_equal(code, 0);
	assert_null(error);
	reading->waited.done = true;
}

static void records_that_are_durable_are_read_while_a_commit_fails(void **state)
{
	static const struct store_reader reader = {
		.on_record = on_read_record, .on_end = on_read_end, .done = on_read};
	struct fixture *f = *state;
	struct waited_commit late = {.count = 0};
	struct reading readings[2] = {{.records = 0}};
	put_record(&f->outbox, RECORD_ZHOST, "z", "old");
	free(commit(&f->loop, f->store, &f->outbox));
	outbox_clear(&f->outbox);
	set_full(true);
	put_record(&f->outbox, RECORD_ZHOST, "z", "new");
	f->store->ops->commit(f->store, &f->outbox, committed, &late);
	/* Asked together with it, and while it fails. */
	for (size_t k = 0; k < ARRAY_SIZE(readings); k++) {
		f->store->ops->read(f->store, &reader, &readings[k]);
		loop_until(&f->loop, &readings[k].waited.done);
		assert_true(readings[k].at_end);
		assert_int_equal(readings[k].records, 1);
		until_failing(f, true);
	}
	assert_false(late.waited.done);
	set_full(false);
	loop_until(&f->loop, &late.waited.done);
	free(late.waited.text);
}

/* ---- room ---- */

static off_t size_of(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 ? info.st_size : 0;
}

static off_t size_of_all(const struct fixture *f)
{
	CLEANUP(freep) char *log = str_printf("%s-wal", f->path);
	return size_of(f->path) + size_of(log);
}

static void what_is_deleted_is_given_back_to_the_disk(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *value = mem_calloc(1, 1024 * 1024 + 1);
	memset(value, 'x', 1024 * 1024);
	for (int i = 0; i < 8; i++) {
		CLEANUP(freep) char *key = str_printf("%d", i);
		PUT(&f->outbox, "shop/store", key, value);
		free(commit(&f->loop, f->store, &f->outbox));
	}
	assert_true(size_of_all(f) > 8 * 1024 * 1024);
	vector_push(&f->outbox.data_forget, mem_strdup("shop"));
	free(commit(&f->loop, f->store, &f->outbox));
	for (int tries = 0; size_of_all(f) > 2 * 1024 * 1024 && tries < 1000; tries++)
		(void)poll(NULL, 0, 10); /* the worker does it when it is idle */
	assert_true(size_of_all(f) <= 2 * 1024 * 1024);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* ---- the audit goes when it is old, or large ---- */

static void add_line(struct outbox *o, uint64_t seq, int64_t time_ms)
{
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = seq;
	line->time_ms = time_ms;
	line->user = mem_strdup("ann");
	line->outcome = mem_strdup("done");
	line->why = mem_calloc(201, 1);
	memset(line->why, 'x', 200);
	vector_push(&o->audit, line);
}

static void first_listed(void *user, int code, const struct error *error,
			 Samoza__V1__AuditRecord **lines, size_t count, bool more)
{
	struct waited *w = user;
	(void)error;
	(void)more;
	append(&w->text, "%" PRIu64, count > 0 ? lines[0]->seq : 0);
	w->code = code;
	w->done = true;
}

static uint64_t first_line(struct fixture *f)
{
	struct waited w = {0};
	const struct audit_query all = {.limit = 1};
	uint64_t seq = 0;
	f->store->ops->audit(f->store, &all, first_listed, &w);
	loop_until(&f->loop, &w.done);
	assert_int_equal(str_to_u64(w.text, &seq), 0);
	free(w.text);
	return seq;
}

static void old_lines_of_the_audit_go_but_for_the_newest(void **state)
{
	struct fixture *f = *state;
	f->store->audit = (struct audit_kept){.age_ms = 1000};
	for (uint64_t seq = 1; seq <= 1500; seq++)
		add_line(&f->outbox, seq, 1);
	free(commit(&f->loop, f->store, &f->outbox));
	assert_int_equal(first_line(f), 1);
	for (uint64_t seq = 1501; seq <= 1600; seq++)
		add_line(&f->outbox, seq, 100000);
	free(commit(&f->loop, f->store, &f->outbox));
	assert_int_equal(first_line(f), 1600 - 1000 + 1);
}

static void a_large_audit_loses_its_oldest_lines(void **state)
{
	struct fixture *f = *state;
	f->store->audit = (struct audit_kept){.bytes = 400000};
	for (uint64_t seq = 1; seq <= 3000; seq++)
		add_line(&f->outbox, seq, 1);
	free(commit(&f->loop, f->store, &f->outbox));
	uint64_t first = first_line(f);
	assert_in_range(first, 3000 - 400000 / 210, 3000 - 400000 / 240);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_newest_events_are_kept),
		TEST(old_lines_of_the_audit_go_but_for_the_newest),
		TEST(a_large_audit_loses_its_oldest_lines),
		TEST(a_second_user_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(files_of_others_are_refused),
		TEST(the_file_is_for_its_owner_only),
		TEST(a_thread_that_cannot_be_made_is_an_error),
		TEST(a_commit_that_fails_is_tried_again),
		TEST(what_is_durable_is_read_while_a_commit_fails),
		TEST(records_that_are_durable_are_read_while_a_commit_fails),
		TEST(what_is_deleted_is_given_back_to_the_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
