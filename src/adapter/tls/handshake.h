/*
 * From the first byte until the stream stands: what client and server do alike.
 */
#ifndef SAMOZA_ADAPTER_TLS_HANDSHAKE_H
#define SAMOZA_ADAPTER_TLS_HANDSHAKE_H

#include "adapter/tls/private.h"

/* What the stream calls; one set, handshake_calls. */
struct tls_handshake_calls {
	/* Goes on as far as it can; may call over(). */
	void (*step)(struct tls_handshake *h);
	/* The stream is being closed. */
	void (*cancel)(struct tls_handshake *h);
};

struct tls_handshake_ops {
	/* Once. NULL: the stream stands; otherwise the callee owns the error. The handshake has left the
	 * stream. */
	void (*over)(struct tls_handshake *h, struct error *why);
	/* The stream is closed before. */
	void (*cancelled)(struct tls_handshake *h);
};

/* Its owner begins with it. */
struct tls_handshake {
	const struct tls_handshake_calls *calls;
	const struct tls_handshake_ops *ops;
	struct tls_stream *tls;
	struct tls_context *context; /* NULL: not begun */
	bool is_server;
	/* client: what it wants; borrowed of the owner */
	const char *host, *protocol, *peer_role, *peer_name;
	uint16_t port;
	/* server */
	const struct stream_protocol *protocols;
	/* what was seen */
	struct tls_first first;
	int64_t peer_wall_ms;	       /* 0: it did not say */
	const struct tls_other *other; /* server: what it shows; NULL: its own */
	struct pki_identity identity;
	enum pki_fault fault;
	struct error *why; /* of a certificate that was not believed */
};

/* PRE: calls, ops, tls and what is wanted are set. tls->inner is connected. */
void handshake_begin(struct tls_handshake *h);
/* Goes on as far as it can; may call over(). */
void handshake_step(struct tls_handshake *h);
/* Server: whether the peer has said enough for an answer. */
bool handshake_has_answered(const struct tls_handshake *h);
/* Frees what it holds, not itself, and leaves the stream. */
void handshake_leave(struct tls_handshake *h);

extern const struct tls_handshake_calls handshake_calls;
extern const struct tls_questions handshake_questions;

#endif
