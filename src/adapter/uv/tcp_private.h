/*
 * What the files of plain streams share: tcp_stream.c (reading, writing), tcp_connect.c,
 * tcp_listen.c.
 */
#ifndef SAMOZA_ADAPTER_UV_TCP_PRIVATE_H
#define SAMOZA_ADAPTER_UV_TCP_PRIVATE_H

#include "adapter/uv/tcp_stream.h"

struct tcp_connect; /* under way; NULL once connected */

struct tcp_stream {
	struct stream stream;
	int fd;
	uv_poll_t *poll; /* on the heap, because libuv closes late; NULL: not watched yet */
	struct tcp_connect *connect;
	void (*give_back)(void *lender, int fd);
	void *lender;
	char address[64]; /* of the peer */
};

struct tcp_transport {
	struct stream_transport transport;
	struct loop *loop;
};

struct tcp_stream *tcp_new(struct loop *loop, const struct stream_handler *handler, void *user);
/* Takes a connected socket. */
void tcp_open(struct tcp_stream *tcp, int fd);
void tcp_watch(struct tcp_stream *tcp, int events, uv_poll_cb on_event);
void tcp_unwatch(struct tcp_stream *tcp);
void tcp_socket_tune(int fd);
void tcp_want(struct stream *stream);

struct stream *tcp_transport_connect(struct stream_transport *transport,
				     const struct stream_connect_options *options,
				     const struct stream_handler *handler, void *user);
/* Fine when none is under way. */
void tcp_connect_cancel(struct tcp_stream *tcp);

int tcp_transport_listen(struct stream_transport *transport,
			 const struct stream_listen_options *options,
			 const struct stream_listen_handler *handler, void *user,
			 struct stream_listener **ret_listener, struct error **err);

#endif
