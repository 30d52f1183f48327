/*
 * Opens the stream of a link: connects to zrms, and where the kind of stream has not negotiated
 * the protocol already, asks for it:
 *
 *     GET /v1/link HTTP/1.1                        HTTP/1.1 101 Switching Protocols
 *     Connection: Upgrade              ─────►      Upgrade: samoza-link/1
 *     Upgrade: samoza-link/1                       (frames)
 */
#ifndef SAMOZA_ADAPTER_WIRE_WIRE_DIAL_H
#define SAMOZA_ADAPTER_WIRE_WIRE_DIAL_H

#include "port/stream.h"

#define LINK_PROTOCOL "samoza-link/1"
#define LINK_TARGET   "/v1/link"

struct wire_dial;

/* Called once, from the loop. The stream is for wire_link_new(), the callee owns it; or NULL and
 * `why` (borrowed). The dial frees itself after the call. */
typedef void wire_dial_fn(void *user, struct stream *stream, const struct error *why);

/* Borrowed for the call. */
struct wire_dial_options {
	struct stream_address to;
	const char *token; /* who asks, where the kind of stream does not know it; or NULL */
	const char *peer_role; /* who must be there, where the kind can tell; NULL: anybody */
	int64_t timeout_ms;    /* `fn` is called within it */
};
struct wire_dial *wire_dial_new(struct loop *loop, struct stream_transport *transport,
				const struct wire_dial_options *options, wire_dial_fn *fn,
				void *user);
/* `fn` is not called any more. NULL is fine; not from inside `fn`. */
void wire_dial_cancel(struct wire_dial *dial);

#endif
