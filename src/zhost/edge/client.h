/*
 * Who asks: the machine at the other end, or the one that a trusted proxy speaks for.
 *
 *   browser ──────────────────────────────────────► zedge     the peer itself
 *   browser ──► proxy (--zedge-trusted-proxy) ────► zedge     the last address of X-Forwarded-For that is no
 *                                                             trusted proxy; what stands before it is the
 *                                                             browser's own claim, and nobody believes it. All
 *                                                             are proxies: the first, which asks for itself
 */
#ifndef SAMOZA_ZHOST_EDGE_CLIENT_H
#define SAMOZA_ZHOST_EDGE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vector.h"

/* An address of IPv6, or of IPv4 mapped into it: ::ffff:10.0.0.5. */
struct client_address {
	uint8_t bytes[16];
};

/* The addresses whose first bits are those of `address`. */
struct client_network {
	struct client_address address;
	unsigned bits; /* 0..128 */
};
typedef VECTOR(struct client_network) client_network_vector;

/* "10.0.0.5", "10.0.0.5:40312", "fd00::1", "[fd00::1]:40312". */
bool client_address_read(const char *text, size_t size, struct client_address *ret_address);
/* "10.0.0.5", "fd00::1". The caller frees. */
char *client_address_text(const struct client_address *address);
/* 127.0.0.0/8, ::1. */
bool client_address_is_loopback(const struct client_address *address);
/* What is counted as one client: an address of IPv4, or a /64 of IPv6, which is what one network gets. */
struct client_address client_address_network(const struct client_address *address);

/* "10.0.0.5,10.1.0.0/16,fd00::/8"; NULL: none. ERR_INVALID names the one that is no network. The caller frees with
 * vector_done(), also after an error. */
int client_networks_read(const char *text, client_network_vector *to,
			 struct error **err) must_check;
bool client_networks_have(const client_network_vector *networks,
			  const struct client_address *address);

/* Who asks, as told above. `peer` is as of a stream; `forwarded` the value of X-Forwarded-For, or NULL. false: it
 * cannot be told, because a trusted proxy does not say. */
bool client_find(const client_network_vector *proxies, const char *peer, const char *forwarded,
		 struct client_address *ret_address);

#endif
