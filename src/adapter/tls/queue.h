/*
 * Peers that wait for a place in which to shake hands, by the address that they come from: of IPv6 the network, of which
 * a machine has all addresses (network.h).
 *
 *   address ──► places that it holds
 *          ├──► those that have said something, in the order in which they came ──► next()
 *          └──► those that have not: a place would be of no use to them yet
 *
 * The next one is of the address that holds fewest places, so that a crowd of one address delays itself alone.
 */
#ifndef SAMOZA_ADAPTER_TLS_QUEUE_H
#define SAMOZA_ADAPTER_TLS_QUEUE_H

#include "base/hash.h"
#include "port/stream.h"

struct tls_waiting;

struct tls_host {
	UT_hash_handle hh;
	struct tls_queue *queue;
	char *name; /* "10.0.0.5", "2001:db8::/64" */
	unsigned held;
	unsigned waiting;
	struct tls_waiting *spoken, *silent; /* the oldest first */
};

struct tls_queue {
	struct tls_host *hosts;
	unsigned waiting; /* all that wait */
	unsigned spoken;  /* those of them that have said something */
	uint64_t next_number;
	/* One of them has said its first bytes. */
	void (*on_spoken)(void *user);
	void *user;
};

/* All that wait are turned away. */
void tls_queue_done(struct tls_queue *q);

/* Where a stream of a peer comes from, which is held until tls_host_leave(). */
struct tls_host *tls_host_enter(struct tls_queue *q, const struct stream *inner);
void tls_host_leave(struct tls_host *host);
/* The one that holds most places, not less than one; NULL: none is held. */
struct tls_host *tls_queue_most(const struct tls_queue *q);
/* Whether one that has spoken waits, whose address would still hold fewer places than `most` with one of its places. */
bool tls_queue_is_unfair(const struct tls_queue *q, const struct tls_host *most);

/* Takes the stream. */
void tls_queue_add(struct tls_queue *q, struct stream *take_inner, int64_t now_ms);
/* The caller's stream, without a handler; NULL: nobody who has spoken waits. */
struct stream *tls_queue_next(struct tls_queue *q);
/* Turns away those that came before `before_ms` and have said nothing, and returns how many. `most_only`: of the address of which
 * most wait. */
unsigned tls_queue_end_silent(struct tls_queue *q, int64_t before_ms, bool most_only);

#endif
