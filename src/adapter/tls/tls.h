/*
 * TLS 1.3 as a kind of stream (port/stream.h), over any other: TCP in daemons, the simulated network in
 * tests. Both ends see who the other one is in stream_peer().
 *
 *   user ◄── bytes ──► tls stream ◄── records ──► inner stream ◄──► network
 *                          │
 *                 at most one record (16 KiB) waits here to be taken by the inner stream
 *
 * A port serves several protocols (ALPN): a peer that has no certificate gets those that need no
 * identity. Sessions are never resumed: each connection is checked against the credentials of its day.
 *
 * A listener has at most handshakes_max handshakes under way; further peers wait, and are taken in turn by the address
 * that they come from, of IPv6 by the network (network.h). Where one waits that has said something, those that take longer than GIVE_WAY_MS make room, and at once those of
 * an address that has more than its share. Beyond waiting_max peers wait outside.
 */
#ifndef SAMOZA_ADAPTER_TLS_TLS_H
#define SAMOZA_ADAPTER_TLS_TLS_H

#include "adapter/pki/trust.h"
#include "port/stream.h"

enum {
	TLS_HANDSHAKE_MS = 10000,
	TLS_GIVE_WAY_MS = 1000,
	TLS_HANDSHAKES_MAX = 64,
	TLS_HANDSHAKES_LIMIT = 1024,
	TLS_WAITING_MAX = 1024,
};

struct tls_options {
	/* Of credentials (pki/credentials.h), read again by stream_transport_reload(). NULL: anonymous, and
	 * believes `trust`, which must outlive the transport. */
	const char *directory;
	const struct pki_trust *trust;
	/* Server for everybody, in place of both: a certificate with its chain and its key, PEM, of an authority
	 * that browsers know; read again by stream_transport_reload(). Peers are not asked who they are. */
	const char *site_certificate, *site_key;
	/* Server: how long after its end a peer's certificate is still taken. Such a peer is to be given a
	 * renewal and nothing else: stream_peer.expires_wall_ms. */
	int64_t grace_ms;
	/* Server: whether a peer with a good certificate is one that is known, in the handshake. Negative: it is
	 * not, and told that it was removed. May be NULL. */
	int (*admit)(void *user, const struct stream_peer *peer, struct error **err);
	void *admit_user;
	unsigned handshakes_max; /* 0: TLS_HANDSHAKES_MAX; at most TLS_HANDSHAKES_LIMIT */
	unsigned waiting_max;	 /* each has a descriptor; 0: TLS_WAITING_MAX */
	int64_t handshake_ms;	 /* 0: TLS_HANDSHAKE_MS */
};

/* Takes `inner` over, also on errors. `options` is borrowed for the call, but for what it says. The errors are
 * those of pki_credentials_load(); of a site ERR_NOT_FOUND, ERR_DENIED and ERR_INVALID with the file. */
int tls_transport_new(struct loop *loop, struct stream_transport *inner,
		      const struct tls_options *options,
		      struct stream_transport **ret_transport, struct error **err) must_check;

struct tls_counters {
	uint64_t accepted_total, refused_total, gave_way_total;
	unsigned handshakes; /* under way now */
};
struct tls_counters tls_transport_counters(const struct stream_transport *transport);
/* When the certificate that it shows ends, wall clock. PRE: it has one. */
int64_t tls_transport_expires_wall_ms(const struct stream_transport *transport);

#endif
