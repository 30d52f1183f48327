/*
 * What went wrong, in words that say what to do. Each returns a new error.
 */
#ifndef SAMOZA_ADAPTER_TLS_TROUBLE_H
#define SAMOZA_ADAPTER_TLS_TROUBLE_H

#include "adapter/tls/private.h"

struct error *trouble_of_handshake(const struct tls_handshake *h);
/* Of a stream that stood; NULL: tls->broken says it already. */
struct error *trouble_of_stream(const struct tls_stream *tls);
/* There is no protocol that both speak. Returns the code. */
int trouble_protocol(const struct tls_handshake *h, struct error **err);
/* "GET /…" of a client, "HTTP/1.1" of a server. */
bool trouble_sees_http(const struct tls_handshake *h);
struct error *trouble_late(const struct tls_handshake *h);

#endif
