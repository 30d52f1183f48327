/*
 * The transport of plain streams: its two operations, a file each.
 */
#ifndef SAMOZA_ADAPTER_UV_TCP_TRANSPORT_H
#define SAMOZA_ADAPTER_UV_TCP_TRANSPORT_H

#include <netinet/in.h>

#include "adapter/uv/tcp_stream.h"

struct tcp_transport {
	struct stream_transport transport;
	struct loop *loop;
	struct in_addr from; /* of this machine: who connects has that address; zero: any */
};

/* tcp_connect.c */
struct stream *tcp_transport_connect(struct stream_transport *transport,
				     const struct stream_connect_options *options,
				     const struct stream_handler *handler, void *user);
/* tcp_listen.c */
int tcp_transport_listen(struct stream_transport *transport,
			 const struct stream_listen_options *options,
			 const struct stream_listen_handler *handler, void *user,
			 struct stream_listener **ret_listener, struct error **err);

#endif
