/*
 * Who can be reached: the started instances of every topology that this zhost knows, those
 * that run here (`local`) and those elsewhere, as the hub's MESH_TABLE frames say. Pure.
 *
 *   topology "a1b2…"  (by id and by name)
 *     ├─ spaces  store ─► here: [store-1]   elsewhere: [store-2 at n2, store-3 at n3]
 *     │                                      `turn` says whose turn it is
 *     └─ slots   "store-1", "store-2", "dashboard" …
 *                   └─ peers: the copies that are known, by epoch. One serves; beside it, while it is
 *                      replaced, are those that only get the answers to what they have asked
 *
 * What runs here is entered by zhost itself, not by the hub, so spaces of one zhost continue
 * talking while zrms is away [topology.recovery.zrms-crash], also after a restart of this
 * zhost.
 *
 * Routing follows [guest-abi.net.emit_to]: the address is "path" or "path#sender".
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_TABLE_H
#define SAMOZA_ZHOST_MESH_MESH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/mesh_sum.h"
#include "proto/wire.pb-c.h"

/* Of a topology: instances of which no copy is known, and that have asked something. */
#define MESH_UNLISTED_MAX 1024

struct mesh_receiver; /* mesh.h */
struct mesh_tallies;  /* mesh_tally.h */
struct mesh_table;
struct mesh_topology;
struct mesh_space;
struct mesh_slot;

/* The other end of a declared path, as the space names it in emit_to. */
struct mesh_path {
	char *name;
	char *space;
	uint32_t drawn; /* of the share that copies of a newer revision get (mesh_share.h) */
	struct mesh_path_counts {
		uint64_t sent, refused, received, dropped;
	} counts; /* of a copy that runs here */
};

struct mesh_asset {
	char *name;   /* below spaces/NAME/ */
	char *digest; /* sha256, hexadecimal */
	uint64_t size_bytes;
};

/* A copy of an instance. */
struct mesh_peer {
	struct mesh_topology *topology; /* borrowed */
	struct mesh_space *space;	/* borrowed */
	struct mesh_slot *slot;		/* borrowed */
	const char *path;		/* of the instance; borrowed */
	char *zhost;			/* where the hub says it is started; NULL: nowhere */
	uint64_t epoch;
	bool is_ui;
	bool asks_token; /* UI: its pages are for those whom zrms knows */
	bool serves;	 /* messages to the instance are for it */
	bool leaves;	 /* it has handed over; the hub says so */
	bool apart;  /* it does not serve, and talks with others that are; the hub says so */
	bool shares; /* it gets a share beside the one that serves; the hub says so */
	uint32_t revision;	     /* where there are shares; 0: it is not said */
	uint64_t version;	     /* UI: stands for its files and paths; 0: no UI */
	struct mesh_receiver *local; /* borrowed; NULL: not here */
	bool is_open;		     /* here, and started: can be sent to */
	bool is_elsewhere;	     /* started on another zhost */
	VECTOR(struct mesh_path) paths;
	VECTOR(struct mesh_asset) assets; /* UI */
	bool listed;			  /* by the hub */
	uint64_t said_sum;		  /* of what the hub said (core/mesh_sum.h) */
	VECTOR(uint64_t)
	asked_by; /* here: by number of a slot: epoch of the copy that last sent
				      something; 0: none has */
	struct mesh_tallies *tallies;  /* here: of messages with other instances; else NULL */
	struct mesh_peer *next, *prev; /* of the slot */
};

struct mesh_table *mesh_table_new(const char *own_zhost);
void mesh_table_free(struct mesh_table *t);

/* A frame of the hub. Frames of an older version than the table's are ignored (unless full). */
void mesh_table_apply(struct mesh_table *t, const Samoza__V1__MeshTable *frame);
/* A new link begins: what is known from the hub, for HELLO (core/mesh_sum.h); versions start again. */
void mesh_table_begin_link(struct mesh_table *t, uint64_t ret_sums[MESH_PARTS]);
/* The tables of the link have come: the hub's word on topologies that are neither among them nor in a part
 * that is kept (bit N: part N) is forgotten. */
void mesh_table_sync(struct mesh_table *t, uint64_t kept);
/* An instance has a process here (or pages): it can send, and is reached once it is opened.
 * `local` comes back in routes. The peer is good until mesh_table_leave(). */
struct mesh_peer *mesh_table_join(struct mesh_table *t, const Samoza__V1__InstanceKey *key,
				  const Samoza__V1__InstanceSpec *spec,
				  struct mesh_receiver *local);
/* It has started; or it is being stopped. NULL is fine. */
void mesh_table_open(struct mesh_table *t, struct mesh_peer *peer, bool is_open);
/* Whether it serves, as an order says. What the hub says of its instance is newer, before or after: tables are sent
 * first and apply at once, an order waits for the agent's next commit. From mesh_table_join() on it does. NULL is
 * fine. */
void mesh_table_serve(struct mesh_table *t, struct mesh_peer *peer, bool serves);
/* A copy of that epoch (0: unknown) of the instance `from` has sent something to `to`, which is here: so
 * that the answer to "from" goes to the same copy, also where the hub lists it later, or again. */
void mesh_table_note(struct mesh_peer *to, const char *from, uint64_t epoch);
void mesh_table_note_peer(struct mesh_peer *to, const struct mesh_peer *from);
/* It no longer is here. NULL is fine. */
void mesh_table_leave(struct mesh_table *t, struct mesh_peer *peer);

/* Where one message goes: `peer` is the receiving instance; `suffix`, where not empty, what
 * followed it in the address ("~SESSION": a page of a UI space). */
struct mesh_route {
	struct mesh_path *
		path; /* of the sender; set wherever there is one, also without a route; NULL: there is none */
	struct mesh_peer *peer;
	const char *name; /* of the path: borrowed from the sender */
	const char *suffix;
	size_t suffix_size; /* borrowed from the address */
};

/* 0, -ENOENT (no such path, or the sender named is not at its other end), -EHOSTUNREACH
 * (no instance is started there), -EINVAL (not an address). */
int mesh_table_route(struct mesh_table *t, const struct mesh_peer *sender, const char *address,
		     size_t address_size, struct mesh_route *ret_route);

/* The copy of the instance that serves; where none is known, another one. NULL when unknown. */
struct mesh_peer *mesh_table_find(struct mesh_table *t, const char *topology, const char *path,
				  size_t path_size);
/* Who gets what has come for that copy (0: for any): it, while it takes messages here; else another one
 * that serves here (for any: that takes messages); else as above, but none that takes messages. NULL: nobody. */
struct mesh_peer *mesh_table_find_receiver(struct mesh_table *t, const char *topology,
					   const char *path, size_t path_size, uint64_t epoch);
/* A UI space by the names of the URL: a started copy of that version, also one that leaves, or else (0: of
 * any) the first that serves. */
struct mesh_peer *mesh_table_find_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space,
				     size_t space_size, uint64_t version);
/* The same, for a page that begins: where the space has a share, it is drawn. */
struct mesh_peer *mesh_table_draw_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space,
				     size_t space_size, uint64_t version);
/* Of the space: per mille that copies of a newer revision get; 0: there is no share. */
uint32_t mesh_table_share(const struct mesh_table *t, const char *topology, const char *space);
/* Whether it is started, here or elsewhere. */
bool mesh_peer_is_started(const struct mesh_peer *peer);

const char *mesh_topology_id(const struct mesh_topology *topology);
const char *mesh_topology_name(const struct mesh_topology *topology);
const char *mesh_space_name(const struct mesh_space *space);

/* Every started copy that serves, topology by topology, by path. */
typedef void mesh_visit_fn(void *data, const struct mesh_peer *peer);
void mesh_table_visit(struct mesh_table *t, mesh_visit_fn *visit, void *data);
void mesh_topology_visit(struct mesh_topology *topology, mesh_visit_fn *visit, void *data);
/* Those that run here, in no order. */
void mesh_table_visit_local(struct mesh_table *t, mesh_visit_fn *visit, void *data);
size_t mesh_table_count(const struct mesh_table *t);

#endif
