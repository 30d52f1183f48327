/*
 * Plain streams (port/stream.h): TCP on libuv, without credentials, so every peer is anonymous.
 */
#ifndef SAMOZA_ADAPTER_UV_TCP_STREAM_H
#define SAMOZA_ADAPTER_UV_TCP_STREAM_H

#include "adapter/uv/loop.h"
#include "port/stream.h"

struct sockaddr_storage;

/* Of the table in stream_kinds.c. */
int tcp_transport_open(struct loop *loop, const char *credentials,
		       struct stream_transport **ret_transport, struct error **err) must_check;

/* Its streams come from that IPv4 address of this machine, in host order. PRE: a transport of tcp_transport_open(). */
void tcp_transport_from(struct stream_transport *transport, uint32_t address);

/* A connected socket becomes a stream. `give_back`: how it returns to its lender when the stream
 * is closed; NULL: the stream owns it. */
struct stream *tcp_stream_adopt(struct loop *loop, int fd,
				void (*give_back)(void *lender, int fd), void *lender);

#define TCP_ADDRESS_TEXT 64
/* "127.0.0.1:40312", "[::1]:40312"; "local" for what is neither. */
void tcp_address_text(const struct sockaddr_storage *address, char *to, size_t size);

/* A socket that listens, for servers that accept by themselves. `address` has been resolved. The
 * errors are those of stream_listen(). */
int tcp_listen(const struct stream_listen_options *options, int *ret_fd, uint16_t *ret_port,
	       struct error **err) must_check;

#endif
