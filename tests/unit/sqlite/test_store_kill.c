/* adapter/sqlite/store.h: what is acknowledged is there after kill -9 at any moment, and nothing is half there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/content.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "directory.h"

#define PUT(o, owner, key, v) add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, key, v)

enum { CRASH_ROUNDS = 25, CRASH_IN_FLIGHT = 8 };

struct crash_commit {
	struct outbox outbox;
	uint64_t number;
	struct crash_child *child;
};

struct crash_child {
	struct store *store;
	int ack_fd;
	uint64_t next;
};

static void crash_commit_next(struct crash_child *child, struct crash_commit *c);

static void crash_committed(void *user, enum commit_outcome outcome, const struct error *error,
			    struct data_answer *answers)
{
	(void)error;
	(void)answers;
	struct crash_commit *c = user;
	if (outcome != COMMIT_DURABLE ||
	    write(c->child->ack_fd, &c->number, sizeof c->number) != (ssize_t)sizeof c->number)
		_exit(1);
	crash_commit_next(c->child, c);
}

/* Two records, an event and a value in each batch: all or none of them. */
static void crash_commit_next(struct crash_child *child, struct crash_commit *c)
{
	char text[32];
	c->number = child->next++;
	outbox_clear(&c->outbox);
	(void)snprintf(text, sizeof text, "%" PRIu64, c->number);
	put_record(&c->outbox, RECORD_TOPOLOGY, text, text);
	put_record(&c->outbox, RECORD_INSTANCE, text, text);
	add_event(&c->outbox, c->number, "t");
	PUT(&c->outbox, "shop/store", text, text);
	child->store->ops->commit(child->store, &c->outbox, crash_committed, c);
}

__attribute__((noreturn)) static void crash_child_run(const char *path, int ack_fd,
						      uint64_t first)
{
	struct loop loop;
	struct crash_child child = {.ack_fd = ack_fd, .next = first};
	if (loop_init(&loop, NULL) < 0 ||
	    sqlite_store_open(&loop, path, &child.store, NULL) < 0)
		_exit(1);
	static struct crash_commit commits[CRASH_IN_FLIGHT];
	for (size_t i = 0; i < CRASH_IN_FLIGHT; i++) {
		outbox_init(&commits[i].outbox);
		commits[i].child = &child;
		crash_commit_next(&child, &commits[i]);
	}
	loop_run(&loop);
	_exit(1);
}

/* Runs a child until it has acknowledged `count` batches, then kills it; the last acknowledged.
 */
static uint64_t crash_once(const char *path, uint64_t first, unsigned count)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		crash_child_run(path, ends[1], first);
	}
	(void)close(ends[1]);
	uint64_t number = 0, last = 0;
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(read(ends[0], &number, sizeof number), sizeof number);
		last = number > last ? number : last;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* What it acknowledged before it died counts too. */
	while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
		last = number > last ? number : last;
	(void)close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

static int64_t count_of(const char *path, const char *query)
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

static void nothing_acknowledged_is_lost_and_nothing_is_half_there(void **state)
{
	CLEANUP(freep) char *directory = directory_new();
	CLEANUP(freep) char *path = directory_file(directory, "store.db");
	uint64_t next = 1;
	for (unsigned round = 0; round < CRASH_ROUNDS; round++) {
		/* A different moment each time, the same in every run of this test. */
		uint64_t acknowledged = crash_once(path, next, 1 + (round * 37) % 91);
		int64_t most = count_of(path, "SELECT coalesce(max(seq),0) FROM event");
		assert_true(most >= (int64_t)acknowledged);
		/* In order and without a hole, in every table. */
		assert_int_equal(count_of(path, "SELECT count(*) FROM event"), most);
		assert_int_equal(count_of(path, "SELECT count(*) FROM record WHERE kind=2"),
				 most);
		assert_int_equal(count_of(path, "SELECT count(*) FROM record WHERE kind=3"),
				 most);
		assert_int_equal(count_of(path, "SELECT count(*) FROM data"), most);
		next = (uint64_t)most + 1;
	}
	assert_true(next > CRASH_ROUNDS);
	directory_delete(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acknowledged_is_lost_and_nothing_is_half_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
