/*
 * Byte streams between two processes: what links and HTTP requests run over.
 *
 * A transport makes streams of one kind: plain TCP (adapter/uv/tcp_stream.h), simulated
 * (adapter/sim/network.h), TLS over either of them (adapter/tls/tls.h). The plain kinds that a daemon
 * can open are one table, adapter/uv/stream_kinds.c. Users of this port do not know which kind they
 * have.
 *
 *   stream_connect() ──► connected(NULL) ──► stream_want() ──► ready() ──► read, write
 *           │                                                                 │
 *           └────────► connected(why) ──► stream_close() ◄────────────────────┘
 *
 *   stream_listen() ──► accepted(stream), for each peer that has passed its handshake
 *
 * Rules:
 *  1. Callbacks come from the loop, never from inside a function of this file.
 *  2. stream_close() frees the stream, also from inside its callbacks and before it is
 *     connected. No callback follows.
 *  3. Reading and writing never block and may do less than asked. ready() is level-triggered:
 *     it is called as long as something wanted is possible. A broken stream is ready for
 *     everything; the next read or write reports why it broke.
 *  4. What was written before stream_close() reaches a peer that keeps reading; then its reads
 *     return the end.
 */
#ifndef SAMOZA_PORT_STREAM_H
#define SAMOZA_PORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "port/loop.h"

struct stream;
struct stream_listener;
struct stream_transport;

struct stream_address {
	const char *host; /* a name or a numeric address, without brackets */
	uint16_t port;
};

/* Who is at the other end. Strings live as long as the stream. */
struct stream_peer {
	const char *address; /* "127.0.0.1:40312", "[::1]:40312" */
	/* From the certificate that the peer has proved to own. All NULL: anonymous, which is
	 * all that a plain stream can say. */
	const char *cluster, *role, *name;
	const char *key_hash; /* SHA-256 of its public key, hexadecimal */
	/* The end of the certificate, wall clock; 0: anonymous. In the past: it has expired, and
	 * entitles to nothing but a renewal. */
	int64_t expires_wall_ms;
	int64_t issued_wall_ms; /* 0: anonymous */
};

enum stream_event { STREAM_READ = 1, STREAM_WRITE = 2 };

struct stream_handler {
	/* Once, only for stream_connect(). `why` (borrowed): not connected, with the reason of a
	 * failed handshake where there was one. */
	void (*connected)(void *user, struct stream *stream, const struct error *why);
	/* `events`: those of the wanted ones that are possible. */
	void (*ready)(void *user, struct stream *stream, unsigned events);
};

/* ---- a stream ---- */

/* 1: *ret_size bytes were read; 0 bytes: there are none now. 0: the end, the peer will write no
 * more. ERR_UNAVAILABLE: broken. PRE: connected, size > 0. */
int stream_read(struct stream *stream, void *to, size_t size, size_t *ret_size,
		struct error **err) must_check;
/* 0: the first *ret_size bytes were taken, maybe none. ERR_UNAVAILABLE: broken. PRE: connected. */
int stream_write(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		 struct error **err) must_check;
/* Bytes that were read too far: the next read returns them first. */
void stream_unread(struct stream *stream, const void *data, size_t size);
/* Which events ready() is called for from now on: STREAM_READ | STREAM_WRITE. At first none. */
void stream_want(struct stream *stream, unsigned events);
/* Hands the stream to another user. PRE: connected. */
void stream_set_handler(struct stream *stream, const struct stream_handler *handler,
			void *user);
/* What was written and is not acknowledged by the other machine after so long breaks the stream, where the kind can
 * tell: whether its program reads it does not matter. PRE: connected. */
void stream_set_patience(struct stream *stream, int64_t ms);
/* PRE: connected. */
const struct stream_peer *stream_peer(const struct stream *stream);
/* The application protocol that both ends negotiated, "samoza-link/1"; NULL: this kind of stream
 * negotiates none, so that it must be agreed on in the stream (HTTP Upgrade). */
const char *stream_protocol(const struct stream *stream);
/* NULL is fine. */
void stream_close(struct stream *stream);

/* ---- making streams ---- */

/* Borrowed for the call. */
struct stream_connect_options {
	struct stream_address to;
	int64_t timeout_ms;   /* until connected() */
	const char *protocol; /* to negotiate, where the kind can; or NULL */
	/* Who must be there, where the kind can tell; NULL: anybody. */
	const char *peer_role, *peer_name;
};

struct stream_listen_handler {
	/* The stream is the callee's, who sets its handler at once or closes it. */
	void (*accepted)(void *user, struct stream *stream);
	/* A peer did not pass its handshake: for logs and counters. May be NULL. */
	void (*refused)(void *user, const char *address, const struct error *why);
};

/* One of the protocols that share a port. */
struct stream_protocol {
	const char *name;    /* "samoza-link/1"; NULL ends a list */
	bool needs_identity; /* a peer that does not prove who it is is refused */
	const struct stream_listen_handler
		*handler; /* its streams go there; NULL: as all others */
	void *user;
};

struct stream_listen_options {
	struct stream_address at; /* numeric; port 0: a free one */
	bool loopback_only;	  /* refuse to listen on other addresses */
	/* Of all addresses; one of them may be listened on by the same user's own socket, which lets it
	 * for that moment (http_server_share_port()). */
	bool shares_port;
	/* To negotiate, where the kind can; or NULL. Must outlive the streams. A peer that names none gets
	 * the last one that needs no identity. */
	const struct stream_protocol *protocols;
};

/* Never fails at once: connected() reports. `handler` must outlive the stream. */
struct stream *stream_connect(struct stream_transport *transport,
			      const struct stream_connect_options *options,
			      const struct stream_handler *handler, void *user);
/* Listens when it returns. ERR_CONFLICT: the port is taken. ERR_DENIED: not loopback. */
int stream_listen(struct stream_transport *transport,
		  const struct stream_listen_options *options,
		  const struct stream_listen_handler *handler, void *user,
		  struct stream_listener **ret_listener, struct error **err) must_check;
/* The port it listens on. */
uint16_t stream_listener_port(const struct stream_listener *listener);
/* While it is held no further peers are accepted: they wait outside. */
void stream_listener_hold(struct stream_listener *listener, bool is_held);
/* Peers that were not accepted yet are turned away. NULL is fine. */
void stream_listener_close(struct stream_listener *listener);

/* Takes new credentials from where the transport found them when it was made: streams made from
 * now on use them, open ones keep theirs. On an error the old ones stay in use. A kind without
 * credentials does nothing. */
int stream_transport_reload(struct stream_transport *transport, struct error **err) must_check;
/* PRE: all its streams and listeners are closed. NULL is fine. */
void stream_transport_free(struct stream_transport *transport);

/* ---- for implementations, which begin with these ---- */

struct stream_ops {
	int (*read)(struct stream *stream, void *to, size_t size, size_t *ret_size,
		    struct error **err);
	int (*write)(struct stream *stream, const void *data, size_t size, size_t *ret_size,
		     struct error **err);
	/* stream->wanted has changed. */
	void (*want)(struct stream *stream);
	/* Events that are possible though no descriptor announces them: bytes that lie inside
	 * the implementation. Asked after stream_wake() and after each ready(). */
	unsigned (*pending)(const struct stream *stream);
	/* NULL: it cannot tell. */
	void (*patience)(struct stream *stream, int64_t ms);
	void (*close)(struct stream *stream);
};

struct stream {
	const struct stream_ops *ops;
	struct loop *loop;
	const struct stream_handler *handler; /* NULL: accepted and not yet taken */
	void *user;
	unsigned wanted;
	struct stream_peer peer; /* strings are the implementation's */
	const char *protocol;
	/* private to stream.c */
	struct buffer unread;
	struct loop_task wake;
};

struct stream_listener_ops {
	void (*close)(struct stream_listener *listener);
	void (*hold)(struct stream_listener *listener, bool is_held);
};

struct stream_listener {
	const struct stream_listener_ops *ops;
	const struct stream_listen_handler *handler;
	void *user;
	uint16_t port;
};

struct stream_transport_ops {
	struct stream *(*connect)(struct stream_transport *transport,
				  const struct stream_connect_options *options,
				  const struct stream_handler *handler, void *user);
	int (*listen)(struct stream_transport *transport,
		      const struct stream_listen_options *options,
		      const struct stream_listen_handler *handler, void *user,
		      struct stream_listener **ret_listener, struct error **err);
	int (*reload)(struct stream_transport *transport, struct error **err);
	void (*free)(struct stream_transport *transport);
};

struct stream_transport {
	const struct stream_transport_ops *ops;
};

void stream_init(struct stream *stream, const struct stream_ops *ops, struct loop *loop,
		 const struct stream_handler *handler, void *user);
/* For ops->close(), before the memory goes. */
void stream_done(struct stream *stream);
/* A descriptor announced `events`: calls ready() for the wanted ones. The stream may be gone
 * afterwards. */
void stream_announce(struct stream *stream, unsigned events);
/* ops->pending() may have something new to say: asked in the loop's next round. */
void stream_wake(struct stream *stream);
/* Hands a stream that stands to the one who takes its protocol. `protocols`: those of the listener, or
 * NULL. */
void stream_accepted(struct stream_listener *listener, const struct stream_protocol *protocols,
		     struct stream *stream);
/* The entry of a name, or NULL. */
const struct stream_protocol *stream_protocol_find(const struct stream_protocol *protocols,
						   const char *name, size_t size);

#endif
