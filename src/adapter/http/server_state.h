/*
 * The server, as its parts see it:
 * 
 *   server.c      set-up, loop, sweeps, end
 *   request.c     from the first byte of a request to its handler; the body
 *   upgrade.c     sockets that become links
 *   stream.c      answers whose bytes come later
 *   reply.c       answers
 *   spool.c       bodies that go to a file
 *   pump.c        connections over TLS
 *   owner_socket.c  the Unix socket, and who may use it
 *   connection.c  connections, and how a sleeping one is woken
 *   target.c      percent-encoding, query, patterns
 * 
 * A part uses those below it, and calls nothing of those above.
 */
#ifndef SAMOZA_ADAPTER_HTTP_SERVER_STATE_H
#define SAMOZA_ADAPTER_HTTP_SERVER_STATE_H

#include <microhttpd.h>

#include "adapter/http/http.h"

struct http_connection;
struct tcp_acceptor;
struct http_lent;
struct http_pump;

struct http_server {
	struct loop *loop;
	struct http_options options;
	struct MHD_Daemon *daemon;
	uint16_t port;
	struct tcp_acceptor *acceptor; /* NULL: no new connections any more */
	struct tcp_acceptor *owner;    /* of options.socket; NULL: the same, or there is none */
	uv_poll_t *poll;	       /* on MHD's epoll descriptor */
	struct loop_timer *timeout;    /* MHD's own */
	struct loop_timer *sweep, *late; /* ours */
	bool dirty;			 /* MHD_run() is needed */
	bool draining;			 /* new requests get 503 */
	bool stopping;			 /* unanswered requests get 503 */
	struct http_connection *connections;
	struct http_request *requests;
	struct http_stream *streams;
	struct http_lent *lent; /* upgraded, and not closed yet */
	unsigned lent_count;
	struct http_pump *pumps;
	struct http_counters counters;
	uint64_t starved; /* when no pair of sockets could be made */
};

#endif
