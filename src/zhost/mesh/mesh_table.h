/*
 * Who can be reached: the started instances of every topology that this zhost knows, those
 * that run here (`local`) and those elsewhere, as the hub's MESH_TABLE frames say. Pure.
 *
 *   topology "a1b2…"  (by id and by name)
 *     ├─ spaces  store ─► here: [store-1]   elsewhere: [store-2 at n2, store-3 at n3]
 *     │                                      `turn` says whose turn it is
 *     └─ peers   "store-1", "store-2", "dashboard" …
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

struct mesh_receiver; /* mesh.h */
struct mesh_table;
struct mesh_topology;
struct mesh_space;

/* The other end of a declared path, as the space names it in emit_to. */
struct mesh_path {
	char *name;
	char *space;
};

struct mesh_asset {
	char *name;   /* below spaces/NAME/ */
	char *digest; /* sha256, hexadecimal */
	uint64_t size_bytes;
};

struct mesh_peer {
	struct mesh_topology *topology; /* borrowed */
	struct mesh_space *space;	/* borrowed */
	char *path;			/* of the instance */
	char *zhost;			/* where the hub says it is started; NULL: nowhere */
	uint64_t epoch;
	bool is_ui;
	struct mesh_receiver *local; /* borrowed; NULL: not here */
	bool is_open;		     /* here, and started: can be sent to */
	bool is_elsewhere;	     /* started on another zhost */
	VECTOR(struct mesh_path) paths;
	VECTOR(struct mesh_asset) assets; /* UI */
	bool listed;			  /* by the hub */
	uint64_t said_sum;		  /* of what the hub said (core/mesh_sum.h) */
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
/* It no longer is here. NULL is fine. */
void mesh_table_leave(struct mesh_table *t, struct mesh_peer *peer);

/* Where one message goes: `peer` is the receiving instance; `suffix`, where not empty, what
 * followed it in the address ("~SESSION": a page of a UI space). */
struct mesh_route {
	const struct mesh_peer *peer;
	const char *name; /* of the path: borrowed from the sender */
	const char *suffix;
	size_t suffix_size; /* borrowed from the address */
};

/* 0, -ENOENT (no such path, or the sender named is not at its other end), -EHOSTUNREACH
 * (no instance is started there), -EINVAL (not an address). */
int mesh_table_route(struct mesh_table *t, const struct mesh_peer *sender, const char *address,
		     size_t address_size, struct mesh_route *ret_route);

/* NULL when unknown. */
struct mesh_peer *mesh_table_find(struct mesh_table *t, const char *topology, const char *path,
				  size_t path_size);
/* A UI space by the names of the URL: the first of its instances that is started somewhere. */
struct mesh_peer *mesh_table_find_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space,
				     size_t space_size);
/* Whether it is started, here or elsewhere. */
bool mesh_peer_is_started(const struct mesh_peer *peer);

const char *mesh_topology_id(const struct mesh_topology *topology);
const char *mesh_topology_name(const struct mesh_topology *topology);
const char *mesh_space_name(const struct mesh_space *space);

/* Every started peer, topology by topology, by path. */
typedef void mesh_visit_fn(void *data, const struct mesh_peer *peer);
void mesh_table_visit(struct mesh_table *t, mesh_visit_fn *visit, void *data);
void mesh_topology_visit(struct mesh_topology *topology, mesh_visit_fn *visit, void *data);
size_t mesh_table_count(const struct mesh_table *t);

#endif
