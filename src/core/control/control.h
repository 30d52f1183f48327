/*
 * What zrms decides: topologies, instances, zhosts, heartbeats, recovery.
 *
 * One function takes an input and writes its consequences into an outbox; nothing here does
 * I/O, reads a clock or draws a random number. The caller's loop is the contract:
 *
 *     take the inputs that wait ── control_handle() for each ──► control_flush()
 *                                                                    │
 *         records and events: ONE durable commit ◄───────────────────┘
 *                  │ then, and only then
 *                  ▼
 *         messages to zhosts, replies to clients, events to followers
 *
 * so that nothing is promised that a crash can take back. After a crash, control_load() takes
 * the records of the last commit, and control_start() goes on from there.
 *
 * Ownership: inputs are borrowed for the call; what the outbox holds belongs to the outbox.
 * Links are numbers that the caller draws, one per connection, never used again.
 */
#ifndef SAMOZA_CORE_CONTROL_CONTROL_H
#define SAMOZA_CORE_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/instant.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"
#include "proto/view.pb-c.h"
#include "proto/wire.pb-c.h"

struct control;
struct topology; /* model/topology.h */

/* Durations in milliseconds. Defaults and meaning: [topology.detection]. */
struct control_config {
	int64_t heartbeat_ms;	    /* resource_reporting.interval             10 s */
	int64_t failure_timeout_ms; /* failure_detection.timeout               30 s */
	int64_t check_ms;	    /* failure_detection.check_interval         5 s */
	int64_t on_disconnect_ms;   /* failure_detection.on_disconnect; 0: off      */
	int64_t margin_ms;	    /* failure_detection.margin                 2 s */
};
#define CONTROL_CONFIG_DEFAULT                                \
	((struct control_config){.heartbeat_ms = 10000,       \
				 .failure_timeout_ms = 30000, \
				 .check_ms = 5000,            \
				 .margin_ms = 2000})

/* ---- a life: new, load every record, start, handle inputs, free ---- */

/* `cluster`: identity used when the store holds none yet (a uuid that the caller drew). */
struct control *control_new(const struct control_config *config, const char *cluster);
void control_free(struct control *control);

/* Takes one record of the store: kind and bytes as the outbox once wrote them. Any order of
 * kinds is fine: control_start() ties them together. ERR_INVALID for what cannot be read. */
int control_load(struct control *control, enum record_kind kind, const void *data, size_t size,
		 struct error **err) must_check;

/* After the last record. Silence of zhosts is counted from `now`. */
int control_start(struct control *control, struct instant now, struct outbox *outbox,
		  struct error **err) must_check;

/* ---- inputs ---- */

enum control_input_type {
	CONTROL_SUBMIT,
	CONTROL_TOPOLOGY, /* start, stop, recover, remove, grouped operations */
	CONTROL_GOAL,	  /* of one instance */
	CONTROL_ZHOST,	  /* cordon, uncordon, remove */
	CONTROL_HELLO,	  /* a zhost on a new link */
	CONTROL_REPORT,
	CONTROL_HEARTBEAT,
	CONTROL_CLOSED,	   /* a link is gone */
	CONTROL_DATA,	   /* data.* of a space with cluster storage: fenced, then a record */
	CONTROL_FORGOTTEN, /* a zhost has deleted local data */
	CONTROL_TICK,	   /* control_next_ms() has come */
};

enum topology_action {
	TOPOLOGY_START,	  /* topo start: deploy-all, placed afresh */
	TOPOLOGY_STOP,	  /* topo stop */
	TOPOLOGY_RECOVER, /* topo recover: exclusions and attempts are forgotten */
	TOPOLOGY_REMOVE,  /* topo rm [--data] */
	TOPOLOGY_DEPLOY_ALL,
	TOPOLOGY_START_ALL,
	TOPOLOGY_STOP_ALL,
	TOPOLOGY_UNDEPLOY_ALL,
};

enum zhost_action {
	ZHOST_CORDON,
	ZHOST_UNCORDON,
	ZHOST_REMOVE,
};

struct control_submit {
	const char *id;		   /* uuid that the caller drew */
	struct topology *topology; /* compiled; the core takes a reference of its own */
	/* What is kept: source message, version, publisher, digests. id, sequence, times and
	 * state are filled in by the core. */
	const Samoza__V1__TopologyRecord *record;
	bool dry_run; /* answer with places or reasons (a TopologyView), change nothing */
	bool start;   /* false: --no-start */
};

struct control_input {
	enum control_input_type type;
	uint64_t request;  /* token that comes back in the reply; 0: no reply wanted */
	const char *actor; /* who asks, for causes: "ops"; NULL: "operator" */
	union {
		struct control_submit submit;
		struct {
			const char *id; /* topology: full id (control_resolve() finds it) */
			enum topology_action action;
			const char *path; /* grouped: this instance and all below; NULL: all */
			bool data;	  /* remove: its data too */
		} topology;
		struct {
			const char *id;
			const char *path;
			const char
				*goal; /* as the client spelt it: refusing is the core's job */
			bool is_stop_command; /* `spaces stop`: refused where nothing is
						 deployed */
		} goal;
		struct {
			const char *name;
			enum zhost_action action;
		} zhost;
		struct {
			uint64_t link;
			const Samoza__V1__Hello *message;
		} hello;
		struct {
			uint64_t link;
			const Samoza__V1__Report *message;
		} report;
		struct {
			uint64_t link;
			const Samoza__V1__Heartbeat *message;
		} heartbeat;
		struct {
			uint64_t link;
		} closed;
		struct {
			uint64_t link;
			const Samoza__V1__DataRequest *message;
		} data;
		struct {
			uint64_t link;
			const Samoza__V1__DataForgotten *message;
		} forgotten;
	};
};

void control_handle(struct control *control, struct instant now,
		    const struct control_input *input, struct outbox *outbox);

/* Ends a batch: decides what the inputs left to decide (placement, rules), and writes every
 * changed record once, with its final value. */
void control_flush(struct control *control, struct instant now, struct outbox *outbox);

/* When the next CONTROL_TICK is due, on the monotonic clock; NEVER_MS: no timer. */
int64_t control_next_ms(const struct control *control);

/* ---- reading (no change, no outbox) ---- */

/* ID, unambiguous prefix of one, or name (the topology that is not stopped, else the newest).
 * Returns the full id, borrowed until the next input; ERR_NOT_FOUND, ERR_CONFLICT (ambiguous).
 */
int control_resolve(const struct control *control, const char *text, const char **ret_id,
		    struct error **err) must_check;

/* Views are the caller's: free with samoza__v1__…__free_unpacked(view, NULL).
 * ERR_NOT_FOUND names what there is not. `now` is for times in sentences. */
int control_view_topology(const struct control *control, const char *id,
			  Samoza__V1__TopologyView **ret_view, struct error **err) must_check;
Samoza__V1__TopologyListView *control_view_topologies(const struct control *control);
int control_view_spaces(const struct control *control, const char *id, /* NULL: all */
			Samoza__V1__SpaceListView **ret_view, struct error **err) must_check;
int control_view_space(const struct control *control, const char *id, const char *path,
		       Samoza__V1__SpaceView **ret_view, struct error **err) must_check;
Samoza__V1__MeshSpaceListView *control_view_mesh(const struct control *control);
Samoza__V1__ZhostListView *control_view_zhosts(const struct control *control);
int control_view_zhost(const struct control *control, const char *name,
		       Samoza__V1__ZhostView **ret_view, struct error **err) must_check;
Samoza__V1__ClusterView *control_view_cluster(const struct control *control);
int control_view_explain(const struct control *control, const char *id,
			 const char *path, /* NULL: all */
			 Samoza__V1__ExplainView **ret_view, struct error **err) must_check;

/* The hub: the link that reaches `zhost`, 0 when it has none. */
uint64_t control_link_of(const struct control *control, const char *zhost);
/* Which zhost holds an instance, or held it last: for logs. 0, or ERR_NOT_FOUND /
 * ERR_UNAVAILABLE. */
int control_link_of_instance(const struct control *control, const char *id, const char *path,
			     uint64_t *ret_link, struct error **err) must_check;

/* Counters and gauges for GET /metrics, as Prometheus text; the caller frees. */
char *control_metrics(const struct control *control);

/* ---- what a simulator asks, to know when all is quiet [scenario.meaning.settle] ---- */

/* A grace, margin, recovery or placement is still waiting for its time. Appends what, for
 * people. */
bool control_is_busy(const struct control *control, struct instant now, char **ret_what);

#endif
