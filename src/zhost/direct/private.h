/*
 * Direct messages, as their files see them; each uses those below it:
 *
 *   direct_transport.c   port/mesh.h; what comes from the hub; the listener
 *   direct_peer.c        one other zhost: its way, its links, dialling
 *   direct_settle.c      who waits for messages to be taken
 *   direct_link.c        one connection
 *   zhost_book.c         where others are, and who they are
 */
#ifndef SAMOZA_ZHOST_DIRECT_PRIVATE_H
#define SAMOZA_ZHOST_DIRECT_PRIVATE_H

#include "base/random.h"
#include "zhost/direct/direct_link.h"
#include "zhost/direct/direct_transport.h"

/* Another zhost to which messages go directly, or from which a link came. */
struct direct_peer {
	struct direct_transport *transport;
	char *name;
	struct mesh_way way;
	struct mesh_arrivals arrivals;
	struct {
		struct direct_link *link;
		bool is_ours;	 /* we have dialled it */
		int64_t left_ms; /* since when it is left; 0: it is not */
		int64_t void_ms; /* since when its other end has another key alone; 0: it has not */
	} links[DIRECT_LINKS_OF_ZHOST]; /* the first `link_count`, the oldest first */
	unsigned link_count;
	struct direct_link *current; /* that the way uses; NULL: none stands */
	struct stream *dial;	     /* while it connects */
	int64_t retry_ms, dial_after_ms;
	UT_hash_handle hh;
};

struct direct_transport {
	struct mesh_transport mesh;
	struct direct_options options;
	struct mesh_sender sender;
	struct random random; /* of back-off */
	struct direct_peer *peers;
	struct stream_listener *listener;
	struct stream_protocol protocols[2];
	struct loop_timer *timer;
	int64_t timer_ms;
	struct direct_counters counters; /* ways: of peers that are gone */
	struct mesh_settle *settles;	 /* the oldest first */
	bool is_closing;
};

/* ---- direct_peer.c ---- */

struct direct_peer *direct_peer_find(const struct direct_transport *t, const char *name);
/* Made where there is none. */
struct direct_peer *direct_peer_get(struct direct_transport *t, const char *name);
/* PRE: no links. */
void direct_peer_free(struct direct_peer *peer);
/* 0, -EAGAIN, -EHOSTUNREACH. Dials where that is of use. */
int direct_peer_send(struct direct_peer *peer, const Samoza__V1__MeshMessage *message);
/* As messages to it go now. */
enum mesh_by direct_peer_by(const struct direct_peer *peer);
/* A stream of it has come; taken over. */
void direct_peer_take(struct direct_peer *peer, struct stream *stream, bool is_ours);
/* A mark of it has come through the hub. */
void direct_peer_mark(struct direct_peer *peer, const Samoza__V1__MeshMessage *mark);
void direct_peer_tick(struct direct_peer *peer, int64_t now_ms);
/* Its links, all or those that the book does not admit any more. */
void direct_peer_close(struct direct_peer *peer, bool all);
/* Nothing would be lost with it. */
bool direct_peer_is_idle(const struct direct_peer *peer);
/* direct_peer_tick() is due then, at the latest. */
void direct_timer_at(struct direct_transport *t, int64_t mono_ms);

/* ---- direct_settle.c ---- */

void direct_settle(struct mesh_transport *mesh, struct mesh_settle *settle);
void direct_forget(struct mesh_transport *mesh);
/* Something has been taken, or lost. */
void direct_settle_check(struct direct_transport *t);
/* It is about to be freed. */
void direct_settle_lose(struct direct_peer *peer);

#endif
