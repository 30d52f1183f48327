/*
 * The zhosts of the cluster, found by name and by link, and the copies that each one holds.
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_REGISTRY_H
#define SAMOZA_CORE_CONTROL_ZHOST_REGISTRY_H

#include "base/hash.h"

#include "base/error.h"
#include "base/heap.h"
#include "core/control/state/zhost_state.h"
#include "model/zhost.h"
#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

struct copy;
struct dirty_set;
struct zhost_drain;

struct control_zhost {
	struct dirty_set *dirty; /* borrowed */
	char *name;
	uint32_t index; /* grows with each new zhost; never used again */
	Samoza__V1__ZhostSpec *message;
	struct zhost_spec spec;
	char *identity, *zedge, *mesh, *address, *platform;
	char *version; /* of its program; NULL: it does not say */
	char *machine; /* where it runs (zhost_identity.h); NULL: it does not say */
	uint64_t incarnation;
	enum zhost_state state;
	bool cordoned, removed;
	struct zhost_drain *drain; /* drain.h; NULL: it is not drained */
	int64_t since_ms;
	uint64_t forgotten_epoch; /* it has deleted local data up to this */

	uint64_t link_id;	    /* 0: none */
	uint32_t protocol;	    /* as its last HELLO names it; 0: not known */
	uint64_t counter;	    /* of the last heartbeat */
	int64_t heard_ms;	    /* monotonic */
	int64_t heard_wall_ms;	    /* 0: not since zrms started */
	bool hello_waits;	    /* for its answer; until then it may not send heartbeats */
	int64_t answered_ms;	    /* monotonic: since then it may, or has no link; 0: never */
	int64_t lease_timeout_ms;   /* it may count its leases by this; 0: not known */
	int64_t long_leases_end_ms; /* monotonic: from then on by the present one; 0: it does */
	Samoza__V1__Usage usage;
	struct heap_node deadline; /* when its silence is too long */
	bool is_overdue; /* it is, and its loss is decided soon: nothing more is placed there */
	uint32_t place;	 /* handle in the engine; PLACE_NONE when removed */
	struct copy *first_copy;
	uint32_t copy_count;
	bool record_marked, each_marked;
	/* By what it limits NATIVE spaces, as its last HELLO said; NULL: not known. In no record: an earlier version
	 * would not start on one. */
	Samoza__V1__Limits *limits;
	bool disk_full, has_full_data; /* as its last heartbeat said */

	/* zhost_identity.h: the last one with its identity that was refused, and when first */
	char *refused_machine;
	int64_t refused_ms;
	bool refused_told; /* there is an event of it */

	/* mesh_tables.h */
	bool mesh_syncs;    /* the end of its tables is to be said */
	uint64_t mesh_kept; /* with this */

	/* orders.h */
	uint64_t desired_version;
	bool order_all;		      /* the whole set is to be sent */
	Samoza__V1__Desired *desired; /* being put together in a flush (desired_set.h) */
	UT_hash_handle hh, hh_link;
};

/* It tells the copy that serves from those beside it, and says by which mesh tables it goes. */
static inline bool zhost_knows_copies(const struct control_zhost *z)
{
	return z->protocol >= 4;
}
/* Two copies of an instance may run on it at the same time, in a start-first handover. */
static inline bool zhost_runs_two(const struct control_zhost *z)
{
	return z->protocol >= 5;
}

struct zhost_registry {
	struct control_zhost *by_name; /* in the order in which they came */
	struct control_zhost *by_link;
	uint64_t link_changes; /* how often zhost_set_link() has changed one */
	uint32_t next_index;
};

/* zhosts.c has its gate; zhost_restore_state() takes over what a record holds. */
extern const struct state_machine_type zhost_machine;
void zhost_restore_state(struct control_zhost *z, enum zhost_state state);

struct control_zhost *zhost_find(const struct zhost_registry *r, const char *name);
struct control_zhost *zhost_by_link(const struct zhost_registry *r, uint64_t link_id);
struct control_zhost *zhost_new(struct zhost_registry *r, struct dirty_set *dirty,
				const char *name);
/* PRE: no copy is linked to it, and it is in no heap. */
void zhost_free(struct zhost_registry *r, struct control_zhost *z);
void zhost_registry_done(struct zhost_registry *r);
/* 0: none. */
void zhost_set_link(struct zhost_registry *r, struct control_zhost *z, uint64_t link_id);
/* Compiles and keeps a copy of the message. */
int zhost_take_spec(struct control_zhost *z, const Samoza__V1__ZhostSpec *spec,
		    struct error **err) must_check;

#define zhost_for_each(registry, z) \
	for (struct control_zhost *z = (registry)->by_name; z != NULL; z = z->hh.next)

#endif
