/*
 * Connections of the HTTP server that are streams of another kind than plain TCP: libmicrohttpd gets one end of a
 * pair of sockets, and bytes go to and fro between the other one and the stream.
 *
 *   stream (TLS) ◄──► pump: at most 64 KiB each way ◄──► pair ◄──► MHD
 */
#ifndef SAMOZA_ADAPTER_HTTP_PUMP_H
#define SAMOZA_ADAPTER_HTTP_PUMP_H

#include <sys/socket.h>

#include "adapter/http/http.h"

struct http_pump;

/* What tells one machine from another: its address, or the first 64 bits of IPv6, since a machine may have all
 * addresses of such a network. */
#define PUMP_NETWORK_LOCAL UINT64_C(0) /* this machine */
uint64_t pump_network(const struct sockaddr_storage *address);
/* Whether one more may come from there: options.connections_max in all (a pump may outlive MHD's connection while
 * its peer does not read, for so long as pumps_sweep() lets it), options.per_address_max from one machine. */
bool pump_has_room(const struct http_server *server, const struct sockaddr_storage *address);
/* Takes the stream over; *ret_fd, MHD's end, is the caller's. ERR_IO: no descriptors. */
int pump_new(struct http_server *server, struct stream *stream, int *ret_fd,
	     struct error **err) must_check;
/* Who is at the other end of MHD's descriptor; NULL: nobody that a pump serves. */
const struct stream_peer *pump_peer(const struct http_server *server, int mhd_fd);
/* The address of a peer as MHD wants it. Returns its size. */
socklen_t pump_sockaddr(const char *address, struct sockaddr_storage *ret_address);
/* Ends those whose peer has not read the rest of what MHD has written, body_timeout_ms after MHD has closed. */
void pumps_sweep(struct http_server *server, int64_t now_ms);
/* MHD has closed its ends: hands on what they have written, and closes all. */
void pumps_end(struct http_server *server);

#endif
