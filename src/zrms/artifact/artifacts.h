/*
 * Which artifacts are needed: modules, the native code that was made from them, pages, recipes, templates of config.
 * They lie in a store (port/artifact.h); what is kept there is decided here.
 *
 * An artifact stays while something refers to it: a topology (by its record), or a
 * submission that is being worked on (a pin, taken before the artifact is written, so that no
 * removal comes in between). What nothing refers to is removed at once, and at start.
 *
 * artifacts_holds(), artifacts_put_package_file(), artifacts_put_text(), artifacts_adopt() and artifacts_sync() are for any
 * thread, the others for the loop's.
 */
#ifndef SAMOZA_ZRMS_ARTIFACT_ARTIFACTS_H
#define SAMOZA_ZRMS_ARTIFACT_ARTIFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/archive/package.h"
#include "base/error.h"
#include "base/metrics.h"
#include "core/outbox.h"
#include "port/artifact.h"

struct artifacts;

/* `store` is borrowed. */
struct artifacts *artifacts_new(struct artifact_store *store);
void artifacts_free(struct artifacts *artifacts);

/* A record of a topology was loaded or has become durable: what it needs is referred to; NULL
 * data: it is gone. Other kinds are ignored. ERR_INVALID: cannot be read. */
int artifacts_record(struct artifacts *artifacts, enum record_kind kind, const char *id,
		     const void *data, size_t size, struct error **err) must_check;
/* After the last record: removes what nothing refers to. Returns how many files went. */
int artifacts_collect(struct artifacts *artifacts, struct error **err) must_check;

void artifact_pin(struct artifacts *artifacts, const char *digest);
void artifact_unpin(struct artifacts *artifacts, const char *digest);
/* A worker has written it, or has found that the store holds it. PRE: pinned. */
void artifact_mark_stored(struct artifacts *artifacts, const char *digest);

/* For reading. ERR_NOT_FOUND: nothing refers to it. `digest` may be anything. */
int artifacts_get(struct artifacts *artifacts, const char *digest,
		  struct artifact_reader **ret_reader, struct error **err) must_check;

/* Whether something refers to it. `digest` may be anything. */
bool artifacts_need(const struct artifacts *artifacts, const char *digest);
/* All to which something refers, in no particular order; and how many. */
void artifacts_each(const struct artifacts *artifacts,
		    void (*each)(void *user, const char *digest), void *user);
size_t artifacts_count(const struct artifacts *artifacts);
/* Another one whenever one of these comes or goes. */
uint64_t artifacts_version(const struct artifacts *artifacts);
/* The store has got it, checked by its digest; it may be needed no longer. */
void artifact_fetched(struct artifacts *artifacts, const char *digest);

/* This run knows its content, having written it or looked at it (look.h), and nobody has touched it
 * since. */
bool artifact_is_verified(const struct artifacts *artifacts, const char *digest);
/* Its content was looked at, as it was with this stamp. What is damaged is removed: a submission that
 * needs it writes it again. */
void artifact_looked_at(struct artifacts *artifacts, const char *digest, uint64_t stamp,
			bool is_sound);
/* The name of a topology that needs it; NULL: none does. Borrowed. */
const char *artifact_topology(const struct artifacts *artifacts, const char *digest);

/* The first of what that record needs which the store does not have; NULL: it has all of it. Borrowed. */
const char *artifacts_lost(const struct artifacts *artifacts, const char *record_id);

/* Any thread: whether the store has all of it, undamaged: its content is read. What does not is
 * written again by the submission that needs it. PRE: pinned. */
bool artifacts_holds(const struct artifacts *artifacts, const char *digest);
/* Any thread: writes a file of a package. PRE: pinned. Durable but for its name:
 * artifacts_sync() once after the last. */
int artifacts_put_package_file(const struct artifacts *artifacts, struct mex_package *package,
			       const struct mex_file *file, struct error **err) must_check;
/* Any thread: writes a text that has this digest, which is not looked at. PRE: pinned. Durable but for its name, as
 * above. */
int artifacts_put_text(const struct artifacts *artifacts, const char *digest, const char *text,
		       size_t size, struct error **err) must_check;
/* Any thread: takes a file that will never change. PRE: pinned. ERR_INVALID: it is damaged;
 * ERR_NOT_FOUND: it is gone. */
int artifacts_adopt(const struct artifacts *artifacts, const char *path, const char *digest,
		    struct error **err) must_check;
int artifacts_sync(const struct artifacts *artifacts, struct error **err) must_check;

extern const struct metric_source artifacts_metrics; /* of struct artifacts */

#endif
