/*
 * The files of a package that an instance of a UI or NATIVE space is made of: recipes first, then
 * assets. They are fetched into the cache one after another; a file that is there costs nothing.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_PACKAGE_FILES_H
#define SAMOZA_ZHOST_ARTIFACT_PACKAGE_FILES_H

#include "zhost/artifact/artifact.h"

struct package_fetch;

/* NULL after the last. */
const Samoza__V1__AssetFile *package_file(const Samoza__V1__InstanceSpec *spec, size_t index);

/* Once: `error` NULL: all files are in the cache. Then the fetch is gone. */
typedef void package_fetch_fn(void *user, const char *error);

/* `spec` is borrowed until `done`. Returns NULL when `done` was called already. */
struct package_fetch *package_fetch_new(struct artifacts *artifacts,
					const Samoza__V1__InstanceSpec *spec,
					package_fetch_fn *done, void *user);
/* `done` is not called any more. NULL is fine. */
void package_fetch_cancel(struct package_fetch *f);
/* `done` is called now, with this error. */
void package_fetch_abort(struct package_fetch *f, const char *why);

#endif
