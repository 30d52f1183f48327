/*
 * TLS streams, as their files see them; each uses those below it:
 *
 *   transport.c    the transport
 *   connect.c      client: from the inner stream to connected()
 *   listen.c       server: slots for handshakes, accepted(), refused()
 *   queue.c        those that wait for a slot, by address
 *   network.c      what one machine has many addresses of
 *   handshake.c    what both do until the stream stands; whom they believe
 *   stream.c       reading and writing, closing
 *   trouble.c      what went wrong, in words
 *   records.c      between OpenSSL and the inner stream
 *   farewell.c     inner streams that outlive theirs, until the last bytes are out
 *   context.c      what one generation of credentials shares
 *   verify.c       pki_verify() for OpenSSL
 *   site.c         the certificate of a site for everybody
 */
#ifndef SAMOZA_ADAPTER_TLS_PRIVATE_H
#define SAMOZA_ADAPTER_TLS_PRIVATE_H

#include "adapter/tls/context.h"

struct tls_farewell;
struct tls_handshake;
struct tls_listener;

/* The first bytes that a peer sends: is it TLS at all? */
struct tls_first {
	uint8_t bytes[8];
	size_t size;
};

struct tls_transport {
	struct stream_transport transport;
	struct loop *loop;
	struct stream_transport *inner;
	struct tls_options options;
	char *directory, *site_certificate, *site_key;
	struct tls_context *context;
	struct tls_farewell *farewells;
	unsigned farewell_count;
	struct tls_counters counters;
};

struct tls_stream {
	struct stream stream;
	struct tls_transport *transport;
	struct stream *inner; /* NULL: it could not be connected */
	SSL *ssl;	      /* NULL: not begun, or broken */
	struct buffer out;    /* sealed, and not taken by the inner stream yet */
	struct error *broken;
	struct tls_handshake *handshake; /* NULL: it stands, or failed */
	struct tls_first *first;	 /* during the handshake */
	char *identity; /* cluster, role and name, which stream.peer points to; or NULL */
	char key_hash[PKI_PIN_HEX];
	char *protocol;		/* client: what stream.protocol points to */
	int64_t clock_apart_ms; /* the peer's minus ours, as it said in the handshake */
	bool has_ended;		/* the peer said that it writes no more */
	bool inner_ended;	/* … or it only went */
	bool has_more;		/* of what was read, OpenSSL has not given everything */
	bool is_starved;	/* the last call wanted more than there was */
	bool is_blocked;	/* the last call wanted to write more than is taken now */
};

#endif
