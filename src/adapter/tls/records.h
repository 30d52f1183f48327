/*
 * Between OpenSSL and the inner stream. OpenSSL's writes always succeed at once: what the inner stream does not
 * take waits in `out`, so no call must be repeated with the same data. Nothing is sealed while `out` holds
 * something, so it is at most one record and what a handshake or a key update adds.
 */
#ifndef SAMOZA_ADAPTER_TLS_RECORDS_H
#define SAMOZA_ADAPTER_TLS_RECORDS_H

#include "adapter/tls/private.h"

/* Makes tls->ssl over tls->inner. */
void records_begin(struct tls_stream *tls, const struct tls_context *context);
/* Hands `out` to the inner stream, as far as it takes it. Sets tls->broken. */
void records_flush(struct tls_stream *tls);
/* The stream is of no use any more; takes the error over, unless it is broken already. */
void stream_break(struct tls_stream *tls, struct error *take_why);

#endif
