/*
 * Messages to other zhosts over direct links where they can be had, otherwise through the hub (port/mesh.h).
 *
 *   mesh ─► send ─► way of that zhost (mesh_way.h) ─┬─► its link
 *    ▲                                              └─► hub transport
 *    └──────── what is not late ◄── link, hub transport
 *
 * A link is dialled when there is something to send and zrms has said where (zhost_book.h); after a failure again
 * after 100 ms to 10 s, with jitter. It carries messages both ways. One that carried none for DIRECT_IDLE_MS is
 * closed by the zhost that dialled it; one on which the other end shows a key that is not its newest any more is closed by
 * who notices. Such a link is left first (direct_link.h), so that nothing on it is lost. So a zhost that cannot be reached from outside sends directly, too, once it has
 * dialled.
 */
#ifndef SAMOZA_ZHOST_DIRECT_DIRECT_TRANSPORT_H
#define SAMOZA_ZHOST_DIRECT_DIRECT_TRANSPORT_H

#include "base/metrics.h"
#include "port/mesh.h"
#include "port/stream.h"
#include "zhost/direct/zhost_book.h"
#include "zhost/mesh/mesh_way.h"

enum {
	DIRECT_LINKS_MAX = 512,	   /* beyond them messages go through the hub */
	DIRECT_LINKS_OF_ZHOST = 4, /* that one other zhost may have */
	DIRECT_RETRY_FIRST_MS = 100,
	DIRECT_RETRY_MOST_MS = 10000,
	DIRECT_DIAL_MS = 5000,
	DIRECT_IDLE_MS = 300000,
	DIRECT_LEAVE_MS = 3000, /* then the link is closed, whatever is on it */
	DIRECT_VOID_MS =
		10000, /* so long a link is borne whose key its machine has replaced, where it cannot be left */
	DIRECT_RENEW_MS = 2000, /* so old is a link at least that is left for a newer key */
};

struct direct_transport;

struct direct_options {
	struct loop *loop;		  /* borrowed */
	struct stream_transport *streams; /* borrowed: TLS, whose listener admits by the book */
	struct mesh_transport *hub;	  /* borrowed */
	struct zhost_book *book;	  /* borrowed */
	const char *zhost;		  /* borrowed: this one */
	uint64_t run;			  /* mesh_run() */
};

struct direct_counters {
	struct mesh_way_counters ways;
	uint64_t dialled, failed, accepted, refused;
	uint64_t late;	  /* messages: an earlier way was too slow */
	uint64_t foreign; /* messages: not of the zhost at the other end, or not for this one */
	unsigned links;
};

struct direct_transport *direct_transport_new(const struct direct_options *options);
/* What it passes on; belongs to it. */
struct mesh_transport *direct_transport_mesh(struct direct_transport *t);
/* Takes links of others there; port 0: a free one. As stream_listen(). */
int direct_transport_listen(struct direct_transport *t, const struct stream_address *at,
			    struct error **err) must_check;
/* 0: it does not listen. */
uint16_t direct_transport_port(const struct direct_transport *t);
/* The book has changed: links that it does not admit any more are closed. */
void direct_transport_recheck(struct direct_transport *t);
struct direct_counters direct_transport_counters(const struct direct_transport *t);

/* Of each zhost with which there is, or was, a direct link. */
struct direct_peer_view {
	const char *zhost;
	enum mesh_way_state way;
	struct mesh_way_counters counters;
	uint64_t late;
	unsigned links;
};
typedef void direct_visit_fn(void *user, const struct direct_peer_view *peer);
void direct_transport_visit(const struct direct_transport *t, direct_visit_fn *visit,
			    void *user);

/* Closes what is open; direct_transport_is_closed() when that is done. */
void direct_transport_close(struct direct_transport *t);
bool direct_transport_is_closed(const struct direct_transport *t);
/* PRE: closed. NULL is fine. */
void direct_transport_free(struct direct_transport *t);

#endif
