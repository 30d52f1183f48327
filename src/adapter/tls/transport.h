/*
 * The two operations of the transport, a file each.
 */
#ifndef SAMOZA_ADAPTER_TLS_TRANSPORT_H
#define SAMOZA_ADAPTER_TLS_TRANSPORT_H

#include "adapter/tls/private.h"

/* connect.c */
struct stream *tls_transport_connect(struct stream_transport *transport,
				     const struct stream_connect_options *options,
				     const struct stream_handler *handler, void *user);
/* listen.c */
int tls_transport_listen(struct stream_transport *transport,
			 const struct stream_listen_options *options,
			 const struct stream_listen_handler *handler, void *user,
			 struct stream_listener **ret_listener, struct error **err);

#endif
