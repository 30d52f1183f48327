/*
 * Inside of control: what it holds, and the parts that work on it. Not for other rooms.
 *
 *   struct control
 *     ├─ struct deployment   a topology that was submitted; owns its struct application
 *     ├─ struct zhost        a root instance; lists the instances that are placed on it
 *     ├─ struct lifecycle    rules (core/lifecycle), told what happens by listen.c
 *     ├─ struct place        engine (core/place), asked by placing.c
 *     └─ marks               what changed since the last flush
 *
 * In one batch: inputs change things and mark them; flush places what lacks a place, derives
 * the states of topologies, and writes records, orders for zhosts and tables once each.
 */
#ifndef SAMOZA_CORE_CONTROL_CLUSTER_H
#define SAMOZA_CORE_CONTROL_CLUSTER_H

#include "base/hash.h"
#include "base/heap.h"
#include "base/vector.h"
#include "core/control/control.h"
#include "core/lifecycle/lifecycle.h"
#include "core/place/place.h"
#include "model/topology.h"
#include "model/zhost.h"

enum topology_state {
	TOPOLOGY_PENDING,
	TOPOLOGY_RUNNING,
	TOPOLOGY_DEGRADED,
	TOPOLOGY_STOPPED,
	TOPOLOGY_FAILED,
};
#define TOPOLOGY_STATE_COUNT 5

/* Marks of instances: struct instance, `marks`. */
#define MARK_RECORD 1u /* write it */
#define MARK_ORDER  2u /* tell its zhost */
#define MARK_MESH   4u /* tell who talks to it */
#define MARK_LISTED 8u /* its zhost, saying hello, has it */

/* A zhost that holds instances of a deployment, or serves its pages. */
struct audience {
	struct zhost *zhost;
	uint32_t placed;    /* instances of the deployment there */
	uint64_t told_link; /* the link on which it has the whole table; 0: none */
};

/* A zhost that an instance without a parent must not take for now. */
struct exclusion {
	struct heap_node timer; /* monotonic end */
	struct control *control;
	struct instance *root;
	char *zhost;
	uint64_t incarnation;
	int64_t until_wall_ms;
	char *sentence; /* "SPACE failed N times on ZHOST: LAST_ERROR" */
	struct exclusion *next;
};

struct deployment {
	struct control *control;
	struct application *app;
	Samoza__V1__TopologyRecord *record; /* id, name, source, artifacts; states at writing */
	const char *id, *name;		    /* in record */
	const Samoza__V1__SpaceArtifacts **artifacts; /* by space; NULL entries */
	uint64_t sequence;
	enum topology_state state;
	char *reason; /* why a place is missing; NULL */
	bool was_running, ever_started;
	int64_t updated_ms;
	uint32_t place; /* the topology's handle in the engine, and its ticket there */
	/* By instance: its placement (a unit of the engine), and the one that it is to move to,
	 * held while it leaves its zhost or waited for. PLACE_NONE: none, or a child. */
	uint32_t *units, *next_units;
	unsigned troubles; /* instances to start without a place or out of attempts */
	bool has_pages;	   /* a UI space */

	bool record_marked, state_marked, place_marked, mesh_marked;
	bool *importer_marked; /* by space: what it imports changed */
	bool importers_marked; /* any of them */
	VECTOR(struct instance *) mesh_changed;
	VECTOR(struct audience) audiences;
	uint64_t mesh_version;

	struct deployment *older_same_name; /* newest first behind struct name_entry */
	UT_hash_handle hh;
	struct deployment *previous, *next; /* by sequence */
};

struct name_entry {
	char *name;
	struct deployment *newest;
	UT_hash_handle hh;
};

struct zhost {
	struct control *control;
	char *name;
	Samoza__V1__ZhostSpec *message;
	struct zhost_spec spec;
	char *identity, *zedge, *address, *platform;
	uint64_t incarnation;
	enum instance_state state;
	bool cordoned, removed;
	int64_t since_ms;
	uint64_t forgotten_epoch; /* it has deleted local data up to this */

	uint64_t link;	       /* 0: none */
	uint64_t counter;      /* of the last heartbeat */
	int64_t heard_ms;      /* monotonic */
	int64_t heard_wall_ms; /* 0: not since zrms started */
	Samoza__V1__Usage usage;
	struct heap_node deadline;
	uint32_t place; /* handle in the engine; PLACE_NONE when removed */
	struct instance *first_instance;
	uint32_t instance_count;
	uint64_t desired_version;
	bool order_all; /* the whole set is to be sent */
	bool record_marked;
	Samoza__V1__Desired *desired; /* being put together in a flush */
	size_t desired_capacity;
	UT_hash_handle hh, hh_link;
};

/* The newest epoch that may write to the data of NAME/PATH. */
struct data_owner {
	char *key;
	uint64_t epoch;
	UT_hash_handle hh;
};

/* A topology name whose local data is to be deleted: what was placed before `epoch`. */
struct forgotten {
	char *name;
	uint64_t epoch;
};

struct control {
	struct control_config config;
	char *cluster;
	uint64_t next_epoch, next_sequence, next_event;
	bool meta_marked;
	struct instant now;
	struct outbox *outbox; /* of the call that is being handled */
	const char *actor;

	struct lifecycle lifecycle;
	struct place *place;
	struct deployment *by_id;
	struct deployment *first, *last; /* by sequence */
	struct name_entry *by_name;
	VECTOR(struct deployment *) by_place; /* by the engine's handle; NULL: none */
	struct zhost *zhosts, *by_link;
	struct data_owner *data_owners;
	VECTOR(struct forgotten) forgotten; /* by epoch */
	struct heap deadlines;		    /* of zhosts */
	struct heap exclusion_timers;	    /* their ends */
	int64_t next_check_ms, awake_ms;

	VECTOR(struct instance *) marked;		/* MARK_RECORD or MARK_ORDER */
	VECTOR(struct deployment *) deployments_marked; /* any of their marks */
	VECTOR(struct zhost *) zhosts_marked;

	struct {
		uint64_t submits, refusals, placements, recoveries, zhost_problems, moves,
			heartbeats, reports, reports_ignored, data_requests, data_stale,
			flushes;
	} count;
	struct { /* records as loaded, until control_start() */
		VECTOR(Samoza__V1__TopologyRecord *) topologies;
		VECTOR(Samoza__V1__InstanceRecord *) instances;
		VECTOR(Samoza__V1__ZhostRecord *) zhosts;
	} loaded;
};

/* ---- deployment.c: topologies, their states ---- */
struct deployment *deployment_add(struct control *c, Samoza__V1__TopologyRecord *take_record,
				  struct topology *topology);
/* Out of all indexes, and freed. */
void deployment_forget(struct deployment *d);
struct deployment *deployment_find(const struct control *c, const char *id);
/* The topology that is not stopped under that name, else the newest; NULL. */
struct deployment *deployment_by_name(const struct control *c, const char *name);
/* Another one that is not stopped has its name. NULL when free. */
struct deployment *deployment_name_holder(const struct deployment *d);
const char *topology_state_name(enum topology_state state);
void deployment_mark_state(struct deployment *d);
void deployment_mark_record(struct deployment *d);
void deployment_mark_place(struct deployment *d);
void deployment_mark_importers(struct deployment *d);
/* Derives the state of every marked one; events. */
void deployments_settle(struct control *c);
static inline struct deployment *deployment_of(const struct instance *i)
{
	return i->app->owner;
}

/* ---- marks.c: what changed, and writing it ---- */
void mark_instance(struct instance *i, unsigned marks);
void mark_zhost(struct zhost *z);
void mark_meta(struct control *c);
void write_records(struct control *c);
void emit_event(struct control *c, const char *kind, const char *subject, const char *from,
		const char *to, const char *topology, const char *cause);
void emit_message(struct control *c, uint64_t link, Samoza__V1__FrameType type, void *message,
		  bool close);
/* `request` 0: nothing. Takes `take_error` (NULL: done). */
void emit_reply(struct control *c, uint64_t request, struct error *take_error,
		const char *topology, const char *path, const char *notice);

/* ---- listen.c: what the life cycle tells ---- */
extern const struct lifecycle_listener control_listener;
void update_trouble(struct instance *i);

/* ---- placing.c: who goes where ---- */
void placing_run(struct control *c);
/* Why there is no place, judged over the zhosts as they are now; the caller frees. NULL: none
 * is missing. */
char *placing_reason_now(const struct deployment *d);
/* The sub-tree of `root` is placed there, under new epochs. */
void placing_assign(struct instance *root, struct zhost *z);
/* Puts a remembered placement back into the engine. */
void placing_restore(struct instance *root, struct zhost *z);
void placing_release(struct instance *root); /* its place is free */
/* Its placement in the engine; while it moves, the one that it moves to. */
uint32_t placing_unit(const struct instance *root);
void placing_forget_lost(struct instance *root); /* nothing to be adopted any longer */
void placing_gone(struct instance *i);		 /* not-deployed, and meant to be */
void exclusion_add(struct instance *root, const struct instance *failed);
void exclusions_clear(struct instance *root);
/* Somebody asks for a start below `root`: whoever is out of attempts there tries again. */
void exclusions_forgive(struct instance *root);
void exclusions_end_for(struct control *c, const struct zhost *z);
void exclusions_tick(struct control *c);
void placing_gave_up(struct instance *i);
void zhost_link_instance(struct zhost *z, struct instance *i);
void zhost_unlink_instance(struct instance *i);
bool instance_is_troubled(const struct instance *i);
/* Wants of one root, with its exclusions; the caller frees `excluded`. */
struct place_exclusion *placing_exclusions(const struct instance *root, uint32_t *ret_count);

/* ---- zhosts.c: root instances ---- */
struct zhost *zhost_find(const struct control *c, const char *name);
struct zhost *zhost_by_link(const struct control *c, uint64_t link);
struct zhost *zhost_add(struct control *c, const char *name);
void zhost_free(struct zhost *z);
int zhost_take_spec(struct zhost *z, const Samoza__V1__ZhostSpec *spec, struct error **err);
void zhost_move(struct zhost *z, enum instance_state to, const char *cause);
void zhost_hello(struct control *c, uint64_t link, const Samoza__V1__Hello *hello);
void zhost_heartbeat(struct control *c, uint64_t link, const Samoza__V1__Heartbeat *heartbeat);
void zhost_closed(struct control *c, uint64_t link);
void zhost_request(struct control *c, const struct control_input *input);
void zhosts_tick(struct control *c);
int64_t zhosts_next_ms(const struct control *c);
void zhosts_start(struct control *c);

/* ---- reports.c: what zhosts say of instances ---- */
void report_apply(struct zhost *z, const Samoza__V1__InstanceReport *report, bool adopting);
void report_missing(struct zhost *z, const Samoza__V1__Hello *hello);

/* ---- orders.c: what zhosts are told ---- */
void orders_send(struct control *c);
/* A space's paths, as messages say them; the caller's. */
Samoza__V1__PathEnd **path_ends(const struct topology *t, const struct space *space,
				size_t *ret_count);

/* ---- tables.c: who is started, for the mesh ---- */
void tables_send(struct control *c);
void tables_mark(struct instance *i);
void tables_mark_all(struct deployment *d);
void tables_zhost_joined(struct zhost *z);
void tables_count(struct deployment *d, struct zhost *z, int change);

/* ---- requests.c ---- */
void request_submit(struct control *c, const struct control_input *input);
void request_topology(struct control *c, const struct control_input *input);
void request_goal(struct control *c, const struct control_input *input);
struct instance *request_find(struct deployment *d, const char *path, struct error **err);

/* ---- data.c ---- */
void data_request(struct control *c, uint64_t link, const Samoza__V1__DataRequest *request);
void data_owner_set(struct instance *i);

/* ---- forget.c: `storage: local` data that zhosts are to delete ---- */
void forget_data(struct control *c, const char *name);
/* Its link is new, and what it lacks is told before anything else is asked. */
void forget_send(struct zhost *z);
void forget_acknowledged(struct control *c, uint64_t link, uint64_t epoch);
/* Drops what every zhost has done. */
void forget_trim(struct control *c);
void forget_load(struct control *c, const Samoza__V1__ForgottenRecord *record);
void forget_free(struct control *c);

/* ---- control.c ---- */
void control_enter(struct control *c, struct instant now, struct outbox *outbox);

#endif
