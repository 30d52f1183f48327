/*
 * A TLS stream: reading, writing, closing.
 */
#ifndef SAMOZA_ADAPTER_TLS_STREAM_H
#define SAMOZA_ADAPTER_TLS_STREAM_H

#include "adapter/tls/private.h"

struct tls_stream *tls_stream_new(struct tls_transport *transport,
				  const struct stream_handler *handler, void *user);
/* Takes the inner stream, which is connected. */
void tls_stream_attach(struct tls_stream *tls, struct stream *inner);
/* What it wants of the inner stream now. */
void tls_stream_watch(struct tls_stream *tls);

#endif
