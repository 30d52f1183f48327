/*
 * A store in a directory, and what it says: as text that a test compares. For the tests of what is damaged or lost.
 */
#ifndef TEST_SQLITE_INTEGRITY_STAGE_H
#define TEST_SQLITE_INTEGRITY_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sqlite/store.h"
#include "base/buffer.h"
#include "base/str.h"
#include "directory.h"

struct fixture {
	struct loop loop;
	char *directory, *path;
	struct store *store; /* NULL: closed */
	struct outbox outbox;
	struct buffer seen; /* what a store said, as text */
};

int setup(void **state);
int teardown(void **state);
/* For close(): sets a bool. */
void on_closed(void *user);
void store_close(struct fixture *f, struct store **store);

void say(struct fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was said since the last call; the caller frees. */
char *said(struct fixture *f);

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_string_equal(text_, expected); \
	} while (0)

/* The outbox of the fixture; what is answered is said. */
void commit_to(struct fixture *f, struct store *store);
/* To the open store; nothing is said. */
void commit(struct fixture *f);
/* They say what they are given; `user` is the fixture. */
void on_finding(void *user, const struct store_finding *finding);
int on_record(void *user, enum record_kind kind, const char *id, const void *data, size_t size,
	      struct error **err);
/* All of the open store; the caller frees. */
char *findings(struct fixture *f);
char *records(struct fixture *f);
/* Says them. */
void list_events(struct fixture *f, struct store *store);

/* 12 batches, each with a record that the next one replaces, one that stays, an event, a value. */
enum { BATCHES = 12 };
void fill(struct fixture *f);

/* Of a store: the file, its log, its witness. */
#define STORE_FILES 3
extern const char *const suffixes[STORE_FILES];
/* SIZE_MAX: there is none. */
size_t file_read(const char *path, uint8_t **ret_data);
void file_write(const char *path, const uint8_t *data, size_t size);
/* What is on disk at this moment, as after kill -9: in another file. The caller frees its path. */
char *copy_files(struct fixture *f, const char *name);
void sql(const char *path, const char *text);
/* Changes the closed file, and opens it again. */
void change(struct fixture *f, const char *text);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
