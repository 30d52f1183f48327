/*
 * The templates of an instance's `config`, fetched as artifacts are, and read: they are small.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_CONFIG_FETCH_H
#define SAMOZA_ZHOST_ARTIFACT_CONFIG_FETCH_H

#include "zhost/artifact/artifact.h"

struct config_fetch;

/* `texts`: one for each of spec->config, in its order, owned by the callee from here on; NULL: `error` says why not (borrowed). */
typedef void config_fetch_fn(void *user, char **take_texts, const char *error);

/* NULL: `done` was called already. `spec` is borrowed until then. */
struct config_fetch *config_fetch_new(struct artifacts *artifacts,
				      const Samoza__V1__InstanceSpec *spec,
				      config_fetch_fn *done, void *user);
/* Without a call. NULL is fine. */
void config_fetch_cancel(struct config_fetch *f);
/* `done` is called with `why`. */
void config_fetch_abort(struct config_fetch *f, const char *why);
void config_texts_free(char **texts, size_t count);

#endif
