/*
 * The files that the cache of a zhost holds: how long each was not used, whether its content is known, and how
 * much they are together.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_CACHED_H
#define SAMOZA_ZHOST_ARTIFACT_CACHED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "port/artifact.h"
#include "port/loop.h"

struct cached {
	char *digest;
	uint64_t size;
	int64_t used_ms; /* wall clock; the file's mtime, to the hour */
	/* When its content was looked at, or written, in this run: the file as it was then. */
	bool is_sound;
	bool is_needed; /* not to be trimmed now */
	struct stat seen;
	UT_hash_handle hh;
};

struct cached_files {
	struct loop *loop;	      /* borrowed */
	struct artifact_store *store; /* borrowed */
	uint64_t most_bytes, bytes;
	struct cached *files;
};

/* Those that an earlier run left, untrimmed. After an error, too, cached_done(). */
int cached_init(struct cached_files *a, struct loop *loop, struct artifact_store *store,
		uint64_t most_bytes, struct error **err) must_check;
void cached_done(struct cached_files *a);
/* One that was just written. */
void cached_add(struct cached_files *a, const char *digest, uint64_t size);
/* NULL: it is not there. */
struct cached *cached_find(struct cached_files *a, const char *digest);
/* The path, the caller frees; NULL when it is not there. */
char *cached_path(struct cached_files *a, const char *digest);
/* Its content is known, and it is used. */
void cached_sound(struct cached_files *a, const char *digest, const char *path);
/* The file is still the one whose content is known: nobody has written to it since. */
bool cached_is_sound(const struct cached *c, const char *path);
/* The whole content; the caller frees *ret_data, also after an error. */
int cached_read(const char *path, uint8_t **ret_data, size_t *ret_size,
		struct error **err) must_check;
/* Forgets it; the file stays. */
void cached_drop(struct cached_files *a, struct cached *c);
bool cached_is_too_large(const struct cached_files *a);
/* Removes files, the longest unused first, once they are too many, but none that `is_needed`, and ends that mark. One that
 * is removed while instances run it stays theirs; the next start fetches it. */
void cached_trim(struct cached_files *a);

#endif
