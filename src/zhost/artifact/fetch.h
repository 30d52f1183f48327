/*
 * Fetches one file over HTTP from zrms: a connection, a GET, a body of known length into a
 * descriptor, its SHA-256. No library: zhost is to be small, and this is all it needs.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_FETCH_H
#define SAMOZA_ZHOST_ARTIFACT_FETCH_H

#include <stdint.h>

#include "adapter/cli/cli.h"
#include "adapter/uv/loop.h"
#include "base/error.h"

#define FETCH_IDLE_MS 30000

struct fetch;

/* Called once; the fetch frees itself behind it. `digest`: 64 hexadecimal digits of what was
 * written to the descriptor; NULL with an error (ERR_NOT_FOUND: 404). Both borrowed. */
typedef void fetch_done_fn(void *data, const char *digest, uint64_t size,
			   const struct error *error);

/* `fd` is borrowed until `done`. Longer bodies than max_bytes are refused (ERR_LIMIT). `done`
 * is never called from within. */
struct fetch *fetch_new(struct loop *loop, const struct cli_address *from, const char *target,
			int fd, uint64_t max_bytes, fetch_done_fn *done, void *data);
/* `done` is not called any more. NULL is fine. Not from inside `done`. */
void fetch_cancel(struct fetch *f);

#endif
