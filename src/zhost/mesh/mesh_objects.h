/*
 * Inside the mesh table: its structures, and what is known as objects. mesh_objects.c makes and ends them,
 * mesh_table.c takes the frames of the hub and what runs here, mesh_route.c finds ways.
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_OBJECTS_H
#define SAMOZA_ZHOST_MESH_MESH_OBJECTS_H

#include "base/hash.h"
#include "zhost/mesh/mesh_table.h"
#include "zhost/mesh/mesh_tally.h"

typedef VECTOR(struct mesh_peer *) peer_vector;

/* Of a canary (mesh_share.h). */
struct mesh_share {
	uint32_t revision; /* whose copies get it; 0: there is none */
	uint32_t permille;
	uint32_t drawn; /* by pages */
	uint64_t sum;	/* of what the hub said */
};

struct mesh_space {
	char *name;
	peer_vector here, elsewhere; /* borrowed: started, and they serve */
	peer_vector leaving;	     /* borrowed: started, UI, and they have handed over */
	peer_vector sharing;	     /* borrowed: started, beside the one that serves */
	peer_vector apart;	     /* borrowed: started, and apart (blue-green) */
	size_t turn;
	struct mesh_share share;
	UT_hash_handle hh;
};

/* An instance, with those of its copies that are known. */
struct mesh_slot {
	char *path;
	uint32_t number;	 /* in its topology; used again once it is gone */
	uint64_t said_in;	 /* mesh_table.frames of the frame that last named it */
	struct mesh_peer *peers; /* by epoch, the oldest first */
	bool has_asked;		 /* something here: it stays, and so does its number */
	bool is_unlisted;	 /* it stays for that alone */
	UT_hash_handle hh;
};

struct mesh_topology {
	char *id, *name;
	uint64_t version;
	bool is_confirmed;	   /* said since the link began */
	struct mesh_slot *slots;   /* by path */
	struct mesh_space *spaces; /* by name; they stay while the topology does */
	VECTOR(uint32_t) free_numbers;
	uint32_t next_number;
	uint32_t unlisted; /* slots without peers */
	size_t peers;
	struct mesh_topology *next; /* of the same name */
	UT_hash_handle hh;
};

struct name_entry {
	char *name;
	struct mesh_topology *first; /* borrowed */
	UT_hash_handle hh;
};

struct mesh_table {
	char *own_zhost;
	struct mesh_topology *topologies; /* by id */
	struct name_entry *names;
	size_t peers;
	uint64_t frames;
};

struct mesh_topology *mesh_topology_find(const struct mesh_table *t, const char *id);
/* Made where it is not known. */
struct mesh_topology *mesh_topology_get(struct mesh_table *t, const char *id, const char *name);
/* With all that is known of it. */
void mesh_topology_delete(struct mesh_table *t, struct mesh_topology *topology);
/* Unless a copy of it is known. */
void mesh_topology_trim(struct mesh_table *t, struct mesh_topology *topology);

/* Made where it is not known. */
struct mesh_space *mesh_space_get(struct mesh_topology *topology, const char *name);
struct mesh_slot *mesh_slot_find(const struct mesh_topology *topology, const char *path,
				 size_t size);
struct mesh_slot *mesh_slot_get(struct mesh_topology *topology, const char *path);
/* The same; NULL where there are too many that no copy is known of. */
struct mesh_slot *mesh_slot_note(struct mesh_topology *topology, const char *path);
/* Unless a copy of it is known, or it has asked something. */
void mesh_slot_trim(struct mesh_topology *topology, struct mesh_slot *slot);

/* The copy of that epoch; NULL. */
struct mesh_peer *mesh_slot_peer(const struct mesh_slot *slot, uint64_t epoch);
/* Made where it is not known. */
struct mesh_peer *mesh_peer_get(struct mesh_table *t, struct mesh_topology *topology,
				struct mesh_slot *slot, uint64_t epoch, const char *space);
/* It no longer is here. */
void mesh_peer_forget_tallies(struct mesh_peer *peer);
/* Its slot stays. */
void mesh_peer_delete(struct mesh_table *t, struct mesh_peer *peer);
/* Whether it is started, and serves, may have changed. */
void mesh_peer_relist(const struct mesh_table *t, struct mesh_peer *peer);
void mesh_peer_set_paths(struct mesh_peer *peer, Samoza__V1__PathEnd *const *paths,
			 size_t count);
void mesh_peer_set_assets(struct mesh_peer *peer, Samoza__V1__AssetFile *const *assets,
			  size_t count);
/* Its files and paths are set: what they are gives its version. */
void mesh_peer_set_ui(struct mesh_peer *peer, bool is_ui, bool asks_token);

#endif
