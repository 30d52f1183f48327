/*
 * Deployments: topologies that were submitted, each with its slots and one copy of each slot; and
 * how they are found by id and by name.
 */
#ifndef SAMOZA_CORE_CONTROL_DEPLOYMENT_H
#define SAMOZA_CORE_CONTROL_DEPLOYMENT_H

#include "base/hash.h"

#include "base/heap.h"
#include "base/vector.h"
#include "core/application/application.h"
#include "core/lifecycle/slot.h"
#include "proto/record.pb-c.h"

struct control;
struct control_zhost;
struct dirty_set;
struct exclusion;
struct lifecycle;
struct place;

enum __attribute__((packed)) topology_state {
	TOPOLOGY_PENDING,
	TOPOLOGY_RUNNING,
	TOPOLOGY_DEGRADED,
	TOPOLOGY_STOPPED,
	TOPOLOGY_FAILED,
};
#define TOPOLOGY_STATE_COUNT 5

struct instance_variable {
	char *name, *value;
};

/* The copy of a slot: where it is placed, what its zhost is asked for, and what it reported. */
struct copy {
	struct slot *slot; /* borrowed */
	struct slot_copy
		of_path; /* as one of the copies of NAME/PATH; its epoch is this copy's */

	/* -- placement -- */
	struct control_zhost *zhost;	  /* where it is placed; NULL: nowhere. Borrowed */
	struct control_zhost *last_zhost; /* where it was before; NULL: nowhere. Borrowed */
	struct copy *next_on_zhost, *previous_on_zhost;
	bool zhost_lost;    /* its zhost is silent; the placement is only kept for adoption */
	bool placed_again;  /* not for a new request: its zhost was lost, or it moved */
	bool placed_before; /* since it was last undeployed */
	bool no_place;	    /* a place was looked for, and there was none */
	bool seeking; /* root: it has lost what it had, and the next flush looks for a place */
	struct exclusion *exclusions; /* root: zhosts that it must not take for now */
	uint32_t place_unit;	      /* root: its placement in the engine; else PLACE_NONE */
	uint32_t moving_place; /* root: the unit that it moves to, held while it leaves its
					 zhost, or waited for; PLACE_NONE: it does not move */

	/* -- asked -- */
	uint8_t target;		   /* enum instance_target */
	uint64_t generation;	   /* grows whenever something else is asked */
	uint64_t retry_generation; /* grows when failures are to be forgotten */
	uint64_t imports_version, imports_hash;

	/* -- reported -- */
	bool exhausted;	       /* its retries are used up there */
	bool undeploy_failed;  /* not tried again before a request */
	int64_t retry_at_ms;   /* monotonic: the zhost tries again then; 0: no retry waits */
	int64_t may_run_at_ms; /* monotonic: exclusive, not started before; 0: at any time */
	struct heap_node may_run_timer;
	uint32_t failures, restarts;
	char *last_error;
	struct instance_variable *exports; /* as published while started */
	size_t export_count;

	/* -- what is left to do (dirty_set.h, orders.h) -- */
	unsigned marks;
	uint64_t sent_epoch, sent_link; /* for which the zhost has the specification */
	bool unhealthy;			/* counted in its deployment's `unhealthy` */
};

/* A zhost that gets the mesh table of a deployment: it holds copies, or serves pages. */
struct subscriber {
	struct control_zhost *zhost; /* borrowed */
	uint32_t placed;	     /* copies of the deployment there */
	uint64_t sent_link;	     /* the link on which it has the whole table; 0: none */
};

/* Routes of a deployment, as its subscribers know them (mesh_tables.h). */
struct mesh_routes {
	bool has_pages;	    /* a UI space: every zhost subscribes while it is not gone */
	bool all_subscribe; /* every zhost with a link is in `subscribers` */
	uint64_t version;
	VECTOR(struct subscriber) subscribers;
	VECTOR(uint32_t) by_zhost; /* by the zhost's index: position in subscribers, plus 1 */
	VECTOR(struct copy *) changed;
};

struct deployment {
	struct control *control; /* borrowed */
	struct dirty_set *dirty; /* borrowed */
	struct slot_set slots;
	const struct declarations *declared; /* belongs to slots */
	struct topology *topology;	     /* compiled; borrowed from `declared` */
	struct copy *copies;		     /* by slot id */
	Samoza__V1__TopologyRecord *record; /* id, name, source, artifacts; states at writing */
	const char *id, *name;		    /* in record */
	const Samoza__V1__SpaceArtifacts **artifacts; /* by space; NULL entries */
	uint64_t sequence;
	enum topology_state state;
	char *reason; /* why a place is missing; NULL */
	bool was_running, ever_started;
	int64_t updated_ms;
	uint32_t place;		 /* the topology's handle in the engine, and its ticket there */
	uint32_t unhealthy;	 /* copies to start that have no place or are exhausted */
	unsigned marks;		 /* dirty_set.h */
	bool *importers_changed; /* by space id: what it imports changed */
	struct mesh_routes routes;

	struct application_member member;   /* of the application of its name */
	struct deployment *previous, *next; /* by sequence */
	UT_hash_handle hh;
};

struct deployment_registry {
	struct deployment *by_id;
	struct deployment *first, *last;	  /* by sequence */
	struct application_registry applications; /* by name */
	VECTOR(struct deployment *) by_place;	  /* by the engine's handle; NULL: none */
};

/* Adds it to the registry and to the engine. Takes the record. */
struct deployment *deployment_new(struct deployment_registry *r, struct lifecycle *l,
				  struct place *place, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology);
/* Out of the registry and of the engine. PRE: no copy is linked to a zhost, nothing is marked. */
void deployment_free(struct deployment_registry *r, struct place *place, struct deployment *d);
void deployment_registry_done(struct deployment_registry *r);

struct deployment *deployment_find(const struct deployment_registry *r, const char *id);
/* The topology that is not stopped under that name, else the newest; NULL. */
struct deployment *deployment_by_name(const struct deployment_registry *r, const char *name);
/* Another one that is not stopped and has its name. NULL when the name is free. */
struct deployment *deployment_name_holder(const struct deployment *d);
struct slot *deployment_find_slot(const struct deployment *d, const char *path,
				  struct error **err);

const char *topology_state_name(enum topology_state state);
/* topology_state.c has its gate. Source: [topology.states].
 *
 *   (new) ──► pending ──► running ◄──► degraded ──► failed         from every state ──► stopped
 *              ▲ │  └────────────────────────────────▲ │ ▲  │       stopped ──► pending, running,
 *              │ └───────────────────────────────────┘ │ │  └──►     failed: started again
 *              └────── a place appears ────────────────┘ └── running
 *
 * A failed topology becomes degraded (or pending, when it never ran) before it is running. */
extern const struct state_machine_type topology_machine;

static inline struct deployment *deployment_of(const struct slot *s)
{
	return container_of(s->set, struct deployment, slots);
}
static inline struct copy *copy_of(const struct slot *s)
{
	return &deployment_of(s)->copies[s->id];
}
/* On a zhost that is not lost. */
static inline bool copy_is_placed(const struct copy *copy)
{
	return copy->zhost != NULL && !copy->zhost_lost;
}

/* Tells the rules what they need to know of the copy: after each change of its fields. */
void copy_publish_facts(struct copy *copy);
void copy_set_exports(struct copy *copy, struct instance_variable *take, size_t count);

#endif
