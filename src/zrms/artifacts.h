/*
 * Files by digest: modules, the native code that was made from them, pages, recipes.
 *
 *   DIR/artifacts/sha256/64-HEX-DIGITS      content: written, synced, renamed, folder synced
 *   DIR/artifacts/tmp-XXXXXX                on its way
 *
 * An artifact stays while something refers to it: a topology (as its record says), or a
 * submission that is being worked on (a pin, taken before the file is written, so that no
 * removal comes in between). What nothing refers to is removed at once, and at start.
 *
 * All but artifact_store…() are for the loop's thread; those two are for any.
 */
#ifndef SAMOZA_ZRMS_ARTIFACTS_H
#define SAMOZA_ZRMS_ARTIFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/archive/package.h"
#include "base/error.h"
#include "base/metrics.h"
#include "core/outbox.h"

struct artifacts;

/* Makes the folders. `dir`: "DIR/artifacts". */
int artifacts_open(const char *dir, struct artifacts **ret_artifacts,
		   struct error **err) must_check;
void artifacts_free(struct artifacts *artifacts);

/* A record of a topology was loaded or has become durable: what it needs is referred to; NULL
 * data: it is gone. Other kinds are ignored. ERR_INVALID: cannot be read. */
int artifacts_record(struct artifacts *artifacts, enum record_kind kind, const char *id,
		     const void *data, size_t size, struct error **err) must_check;
/* After the last record: removes what nothing refers to. Returns how many files went. */
int artifacts_collect(struct artifacts *artifacts, struct error **err) must_check;

void artifact_pin(struct artifacts *artifacts, const char *digest);
void artifact_unpin(struct artifacts *artifacts, const char *digest);
/* Whether the file is there (pinned or referred to, and written). */
bool artifact_is_stored(struct artifacts *artifacts, const char *digest);
/* A worker has written it: PRE: pinned. */
void artifact_mark_stored(struct artifacts *artifacts, const char *digest);

/* Opens it for reading; *ret_size is its size. ERR_NOT_FOUND. `digest` may be anything. */
int artifact_open(struct artifacts *artifacts, const char *digest, int *ret_fd,
		  uint64_t *ret_size, struct error **err) must_check;

/* Any thread: writes a file of a package. PRE: pinned. Durable but for its name:
 * artifact_store_sync() once behind the last. */
int artifact_store_file(const struct artifacts *artifacts, struct mex_package *package,
			const struct mex_file *file, struct error **err) must_check;
/* Any thread: takes a file that will never change (a second name for it). */
int artifact_store_link(const struct artifacts *artifacts, const char *path, const char *digest,
			struct error **err) must_check;
int artifact_store_sync(const struct artifacts *artifacts, struct error **err) must_check;

/* SHA-256 of a file, as 64 hexadecimal digits. Any thread. */
int file_digest(const char *path, char ret_digest[65], struct error **err) must_check;

extern const struct metric_source artifacts_metrics; /* of struct artifacts */

#endif
