/*
 * Inner streams that outlive theirs: the last bytes of a stream that was closed, and the alert to a peer that was
 * refused, which is lost when the connection ends while bytes of the peer are unread.
 */
#ifndef SAMOZA_ADAPTER_TLS_FAREWELL_H
#define SAMOZA_ADAPTER_TLS_FAREWELL_H

#include "adapter/tls/private.h"

/* Takes `inner` and the content of `out`. `until_it_goes`: drops what the peer sends until it has gone, for a
 * second at most. */
void tls_farewell_begin(struct tls_transport *t, struct stream *inner, struct buffer *out,
			bool until_it_goes);
/* Ends all of them at once. */
void tls_farewells_end(struct tls_transport *t);

#endif
