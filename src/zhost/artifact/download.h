/*
 * Downloads one artifact from zrms into a file: GET, a body of known length, its SHA-256.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_DOWNLOAD_H
#define SAMOZA_ZHOST_ARTIFACT_DOWNLOAD_H

#include <stdint.h>

#include "base/error.h"
#include "port/stream.h"

struct download;

/* Called once, from the loop; the download frees itself afterwards. `digest`: 64 hexadecimal
 * digits of what was written; NULL with an error (ERR_NOT_FOUND: 404). Both borrowed. */
typedef void download_done_fn(void *user, const char *digest, uint64_t size,
			      const struct error *error);

/* `fd` is borrowed until `done`. Longer bodies than max_bytes are refused (ERR_LIMIT). */
struct download *download_new(struct loop *loop, struct stream_transport *transport,
			      const struct stream_address *from, const char *target, int fd,
			      uint64_t max_bytes, download_done_fn *done, void *user);
/* `done` is not called any more. NULL is fine; not from inside `done`. */
void download_cancel(struct download *d);

#endif
