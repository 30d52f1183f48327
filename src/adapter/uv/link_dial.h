/*
 * Opens a link: connects to zrms and asks it to switch the connection over
 *
 *     GET /v1/link HTTP/1.1                        HTTP/1.1 101 Switching Protocols
 *     Connection: Upgrade              ─────►      Upgrade: samoza-link/1
 *     Upgrade: samoza-link/1                       (frames)
 *
 * and hands the socket over, for link_new().
 */
#ifndef SAMOZA_ADAPTER_UV_LINK_DIAL_H
#define SAMOZA_ADAPTER_UV_LINK_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/error.h"

#define LINK_PROTOCOL "samoza-link/1"
#define LINK_TARGET   "/v1/link"

struct link_dial;

/* Called once. fd >= 0: connected, the callee owns it; `extra` (borrowed): bytes behind the
 * HTTP header. fd < 0: `error` (borrowed) says why not. The dial frees itself behind the call.
 */
typedef void link_dial_fn(void *user, int fd, const void *extra, size_t extra_size,
			  const struct error *error);

/* `host`: a name or an address. Never fails at once: `fn` tells, within timeout_ms. */
struct link_dial *link_dial_new(struct loop *loop, const char *host, uint16_t port,
				int64_t timeout_ms, link_dial_fn *fn, void *user);
/* `fn` is not called any more. NULL is fine. Not from inside `fn`. */
void link_dial_cancel(struct link_dial *dial);

#endif
