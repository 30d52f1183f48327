/*
 * The one place where connections are accepted: of listeners of streams (tcp_listen.c) and of the
 * HTTP server.
 *
 *     waiting ──a peer──► accepting, at most ACCEPTS_PER_TURN in a turn ──► waiting
 *                             │
 *                             │ no descriptors or memory left
 *                             ▼
 *                         starved ──ACCEPT_RETRY_MS──► accepting
 *
 * A descriptor that becomes free is not announced by anybody, so a starved acceptor tries again by
 * itself, as long as it lives. Meanwhile peers wait in the socket's backlog.
 */
#ifndef SAMOZA_ADAPTER_UV_TCP_ACCEPT_H
#define SAMOZA_ADAPTER_UV_TCP_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/uv/loop.h"

#define ACCEPT_RETRY_MS 100

struct tcp_acceptor;

/* A connected socket (non-blocking, close-on-exec) that the callee owns. It may free the acceptor. */
typedef void tcp_accepted_fn(void *user, int fd);

/* Takes over `fd`, a socket that listens, also on errors. */
int tcp_acceptor_new(struct loop *loop, int fd, tcp_accepted_fn *accepted, void *user,
		     struct tcp_acceptor **ret_acceptor, struct error **err) must_check;
/* While it is held, peers wait in the backlog. */
void tcp_acceptor_hold(struct tcp_acceptor *a, bool is_held);
/*
 * A socket that listens on one address lets another one of the same user listen on all addresses of its port, or no
 * longer. The kernel asks only when a socket is bound, so this is for the moment in which that happens; a port that
 * stays shared would let other programs of the user take connections.
 */
void tcp_share_port(int fd, bool is_shared);
/* After the last of them: nobody else can share the port any more. ERR_CONFLICT: this kernel lets others do so. */
int tcp_share_port_end(uint16_t port, struct error **err) must_check;
/* As tcp_share_port(). */
void tcp_acceptor_share_port(struct tcp_acceptor *a, bool is_shared);
/* How often it was starved. */
uint64_t tcp_acceptor_starved(const struct tcp_acceptor *a);
/* Also from inside accepted(). NULL is fine. */
void tcp_acceptor_free(struct tcp_acceptor *a);

#endif
