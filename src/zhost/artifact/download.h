/*
 * Downloads one artifact from zrms: GET, a body of known length, written as it arrives.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_DOWNLOAD_H
#define SAMOZA_ZHOST_ARTIFACT_DOWNLOAD_H

#include <stdint.h>

#include "base/error.h"
#include "port/artifact.h"
#include "port/stream.h"
#include "zhost/uplink/zrms_addresses.h"

struct download;

/* Called once, from the loop; the download frees itself afterwards. `why` (borrowed): it is not
 * complete (ERR_NOT_FOUND: 404); NULL: `size` bytes were written. */
typedef void download_done_fn(void *user, uint64_t size, const struct error *why);

/* `writer` is borrowed until `done`, which finishes or abandons it. Longer bodies than max_bytes
 * are refused (ERR_LIMIT). */
struct download *download_new(struct loop *loop, struct stream_transport *transport,
			      const struct zrms_addresses *from, const char *token,
			      const char *target, struct artifact_writer *writer,
			      uint64_t max_bytes, download_done_fn *done, void *user);
/* `done` is not called any more. NULL is fine; not from inside `done`. */
void download_cancel(struct download *d);

#endif
