/*
 * Machines on this machine: network namespaces, each with an address of its own, on a network that this
 * machine reaches, too. Programs in them see each other as over a wire.
 *
 *      this machine ── 10.a.b.254 ═╗
 *                                  ║ bridge, in a namespace of its own: rules of this
 *      SZ-NAME ── eth0 10.a.b.1  ══╣ machine's firewall do not reach it
 *      SZ-NAME ── eth0 10.a.b.2  ══╝
 *
 * Namespaces have names under /run/netns, so `ip netns exec` finds them; they last until they are removed or
 * this machine restarts. Needs root, and the program `ip`.
 *
 * Source: [machines.operation.startz].
 */
#ifndef SAMOZA_ADAPTER_NETNS_NETWORK_H
#define SAMOZA_ADAPTER_NETNS_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { NETWORK_MACHINES_MAX = 253 };

struct network {
	char prefix[16]; /* of its names: "sz", and six digits */
	uint8_t subnet[2];
};

/* The network of what lives in `directory`: the same directory, the same network. Two directories get the same
 * one by chance once in some ten thousand times; network_make() then refuses the second. */
struct network network_of(const char *directory);

/* ERR_DENIED, ERR_UNAVAILABLE: this user, or this machine, cannot make networks; the words say what is missing. */
int network_check(struct error **err) must_check;
/* Makes the network where it is missing; a half of one is made again. ERR_CONFLICT: another one has its addresses. */
int network_make(const struct network *n, struct error **err) must_check;
/* Makes a machine where it is missing. `number`: 1 to NETWORK_MACHINES_MAX, its own. PRE: network_make(). */
int network_add(const struct network *n, const char *name, unsigned number,
		struct error **err) must_check;
/* Removes the network and its machines; what still runs in them keeps its namespace, without a network. */
int network_remove(const struct network *n, struct error **err) must_check;
bool network_exists(const struct network *n);

/* Path of the namespace of a machine, for `nsenter --net=PATH`. The caller frees. */
char *network_path(const struct network *n, const char *name);
/* The address of a machine; 254: of this machine. The caller frees. */
char *network_address(const struct network *n, unsigned number);

#endif
