/*
 * What one machine can have many addresses of, for bounds that hold for each peer.
 */
#ifndef SAMOZA_ADAPTER_TLS_NETWORK_H
#define SAMOZA_ADAPTER_TLS_NETWORK_H

/* Of a numeric address without a port: "2001:db8:0:1::/64" of one of IPv6, of which a machine has its network for
 * nothing; "192.0.2.7" of that address, also where it is written as "::ffff:192.0.2.7". Others as they are; an interface
 * ("fe80::1%eth0") is left out. The caller frees. */
char *peer_network(const char *address);

#endif
