/*
 * Delivery of messages between instances ([guest-abi.net.emit_to]; docs/mesh.md).
 *
 *   instance ─► mesh_emit ─ runs here ─► mesh_receiver.deliver ─► instance
 *                   │ └──── a page ────► mesh_pages.deliver ───► browser
 *                   └─ runs elsewhere ─► transport (port/mesh.h) ─► the mesh of that zhost
 *
 * At most once, in order per sender and receiver: everything goes through one buffer each.
 *
 * Pure: what it does besides its state it does through the receivers, the pages, the transport and the loop
 * that it is given, so that zsim runs it, too.
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_H
#define SAMOZA_ZHOST_MESH_MESH_H

#include "port/loop.h"
#include "port/mesh.h"
#include "zhost/mesh/mesh_table.h"
#include "zhost/mesh/mesh_tally.h"

struct mesh;

/* An instance that runs here, as the mesh sees it; given to mesh_table_join(). */
struct mesh_receiver {
	/* 0, -EAGAIN when its queue is full, -EHOSTUNREACH when nothing takes messages now.
	 * `sender_suffix`: "~SESSION", or NULL with size 0. NULL: it takes no messages. */
	int (*deliver)(struct mesh_receiver *receiver, const char *path_name,
		       const char *sender, const char *sender_suffix, size_t sender_suffix_size,
		       const void *payload, size_t size);
};

/* The pages that are open at this zhost; zedge has them. */
struct mesh_pages {
	/* As edge_deliver(). */
	int (*deliver)(void *user, const struct mesh_peer *peer, const char *suffix,
		       size_t suffix_size, const char *path_name, const char *from,
		       const void *payload, size_t size);
	/* Another zhost has pages of the UI space open, which is placed here. */
	void (*listen)(void *user, const struct mesh_peer *peer, const char *zhost);
};

struct mesh_counters {
	uint64_t emits_local, emits_remote, emits_refused;
	uint64_t remote_received, remote_dropped;
	uint64_t page_messages;
};

/* All borrowed. `loop`: waits busily after a message between two spaces here; NULL: nothing waits. `zhost`:
 * the name of this one. Receives what the transport brings. */
struct mesh *mesh_new(struct loop *loop, const char *zhost, struct mesh_transport *transport);
/* NULL is fine. */
void mesh_free(struct mesh *m);
/* From now on; NULL: there are none, messages to pages are refused. */
void mesh_set_pages(struct mesh *m, const struct mesh_pages *pages, void *user);

/* What is known of the instances, borrowed. */
struct mesh_table *mesh_table(struct mesh *m);
/* Name of this zhost, borrowed. */
const char *mesh_zhost(const struct mesh *m);
/* The way to other zhosts, borrowed. */
struct mesh_transport *mesh_transport(struct mesh *m);
/* From a message along a path to the next one back from the same instance. */
const struct histogram *mesh_requests(const struct mesh *mesh);
struct mesh_counters mesh_counters(const struct mesh *m);
/* Of messages with each other zhost; borrowed. */
const struct mesh_tallies *mesh_zhost_tallies(const struct mesh *m);

/* `sender_suffix`: "~SESSION" when a page of the UI space `sender` emits, else NULL.
 * 0 or a negative errno as `emit_to` gives it. */
int mesh_emit(struct mesh *m, const struct mesh_peer *sender, const char *sender_suffix,
	      const char *address, size_t address_size, const void *payload, size_t size);

/* ---- pings: as messages, but answered by the zhost ---- */

/* A ping was answered: `status` is 0 where the instance takes messages there, else as of emit_to. */
typedef void mesh_ponged_fn(void *user, uint64_t ping, int status);
/* NULL: answers are dropped. */
void mesh_set_ponged(struct mesh *m, mesh_ponged_fn *ponged, void *user);
/* To another zhost. As mesh_transport_send(). */
int mesh_ping(struct mesh *m, const char *topology, const char *path, const char *zhost,
	      uint64_t ping);
/* What this zhost answers: whether the instance takes messages here. */
int mesh_takes(struct mesh *m, const char *topology, const char *path);

#endif
