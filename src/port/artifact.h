/*
 * A store of artifacts: content that never changes, by its SHA-256 digest (64 hexadecimal digits).
 *
 *   artifact_put ─► artifact_write … ─► artifact_finish      checked: only what has that digest
 *                                  └──► artifact_abandon     becomes visible, all of it or nothing
 *   artifact_sync                                            what was finished survives a power cut
 *   artifact_get ─► artifact_read …                          from its beginning
 *
 * Implementations: files of a directory (adapter/artifact/directory.h), and in memory for tests
 * (adapter/artifact/memory.h).
 *
 * Writing and reading are for any thread, one writer or reader for one thread at a time; what there
 * is (artifact_list() and below) is for the thread of the event loop.
 */
#ifndef SAMOZA_PORT_ARTIFACT_H
#define SAMOZA_PORT_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { ARTIFACT_DIGEST_CHARS = 64 };

struct artifact_store;
struct artifact_reader;
struct artifact_writer;

bool artifact_digest_is_valid(const char *digest);

/* ---- writing ---- */

/* ERR_INVALID: not a digest. What is there already may be put again. */
int artifact_put(struct artifact_store *store, const char *digest,
		 struct artifact_writer **ret_writer, struct error **err) must_check;
int artifact_write(struct artifact_writer *writer, const void *data, size_t size,
		   struct error **err) must_check;
/* Frees the writer. ERR_INVALID: what was written has another digest; nothing is kept. */
int artifact_finish(struct artifact_writer *writer, struct error **err) must_check;
/* Frees the writer; nothing is kept. NULL is fine. */
void artifact_abandon(struct artifact_writer *writer);
/* Takes a file of this digest that will never change; the caller vouches for the digest. Cheaper
 * than writing where the store can refer to it. */
int artifact_adopt(struct artifact_store *store, const char *path, const char *digest,
		   struct error **err) must_check;
/* After the last of several. */
int artifact_sync(struct artifact_store *store, struct error **err) must_check;

/* ---- reading ---- */

/* ERR_NOT_FOUND, also for what is not a digest. */
int artifact_get(struct artifact_store *store, const char *digest,
		 struct artifact_reader **ret_reader, struct error **err) must_check;
uint64_t artifact_size(const struct artifact_reader *reader);
/* As long as it is the same for a digest, nobody has written to the content or replaced it. Does not
 * show a medium that fails. 0 where content cannot change. */
uint64_t artifact_stamp(const struct artifact_reader *reader);
/* 1: *ret_size bytes, at least one. 0: the end. PRE: size > 0. */
int artifact_read(struct artifact_reader *reader, void *to, size_t size, size_t *ret_size,
		  struct error **err) must_check;
/* Ends the reading with a descriptor of the content, positioned at its beginning, which the caller
 * closes; -1: this store has no files, and the reader is unchanged. PRE: nothing was read. */
int artifact_take_file(struct artifact_reader **reader);
/* NULL is fine. What is removed meanwhile can still be read. */
void artifact_close(struct artifact_reader *reader);

/* ---- what there is ---- */

struct artifact_info {
	const char *digest; /* borrowed for the call */
	uint64_t size;
	int64_t used_ms; /* wall clock: when it was put, or touched */
};

/* May remove the artifact it is called for. */
typedef void artifact_each_fn(void *user, const struct artifact_info *info);

/* In no particular order. */
int artifact_list(struct artifact_store *store, artifact_each_fn *each, void *user,
		  struct error **err) must_check;
/* It is used now, for who removes the longest unused. Fine when it is not there. */
void artifact_touch(struct artifact_store *store, const char *digest);
/* Returns whether it was there. */
bool artifact_remove(struct artifact_store *store, const char *digest);
/* PRE: no reader, no writer. NULL is fine. */
void artifact_store_free(struct artifact_store *store);

/* ---- for implementations, which begin with these ---- */

struct artifact_store_ops {
	int (*put)(struct artifact_store *store, const char *digest,
		   struct artifact_writer **ret_writer, struct error **err);
	int (*write)(struct artifact_writer *writer, const void *data, size_t size,
		     struct error **err);
	int (*finish)(struct artifact_writer *writer, struct error **err);
	void (*abandon)(struct artifact_writer *writer);
	int (*adopt)(struct artifact_store *store, const char *path, const char *digest,
		     struct error **err);
	int (*sync)(struct artifact_store *store, struct error **err);
	int (*get)(struct artifact_store *store, const char *digest,
		   struct artifact_reader **ret_reader, struct error **err);
	int (*read)(struct artifact_reader *reader, void *to, size_t size, size_t *ret_size,
		    struct error **err);
	int (*take_file)(struct artifact_reader *reader);
	void (*close)(struct artifact_reader *reader);
	int (*list)(struct artifact_store *store, artifact_each_fn *each, void *user,
		    struct error **err);
	void (*touch)(struct artifact_store *store, const char *digest);
	bool (*remove)(struct artifact_store *store, const char *digest);
	void (*free)(struct artifact_store *store);
};

struct artifact_store {
	const struct artifact_store_ops *ops;
};

struct artifact_reader {
	struct artifact_store *store;
	uint64_t size, stamp;
};

struct artifact_writer {
	struct artifact_store *store;
};

#endif
