/*
 * A plain stream, for those that make one (tcp_connect.c, tcp_listen.c); tcp_stream.c reads and
 * writes.
 */
#ifndef SAMOZA_ADAPTER_UV_TCP_STREAM_PRIVATE_H
#define SAMOZA_ADAPTER_UV_TCP_STREAM_PRIVATE_H

#include "adapter/uv/tcp_stream.h"

struct tcp_connect;

struct tcp_stream {
	struct stream stream;
	int fd;
	uv_poll_t *poll; /* on the heap, because libuv closes late; NULL: not watched yet */
	struct tcp_connect *connect;		     /* under way; NULL once connected */
	void (*cancel)(struct tcp_connect *connect); /* for when the stream is closed before */
	void (*give_back)(void *lender, int fd);
	void *lender;
	char address[TCP_ADDRESS_TEXT]; /* of the peer */
};

struct tcp_stream *tcp_new(struct loop *loop, const struct stream_handler *handler, void *user);
/* Takes a connected socket. */
void tcp_open(struct tcp_stream *tcp, int fd);
int tcp_watch(struct tcp_stream *tcp, int events, uv_poll_cb on_event,
	      struct error **err) must_check;
void tcp_unwatch(struct tcp_stream *tcp);
void tcp_socket_tune(int fd);
void tcp_want(struct stream *stream);

#endif
