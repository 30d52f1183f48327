/*
 * The decision core of zhost: brings what runs here to what zrms asks, one action at a time for
 * each instance, retries what fails, and reports every step to zrms.
 *
 *                 desired (zrms)                      results, exits (zruns)
 *                      │                                      │
 *                      ▼                                      ▼
 *        ┌───────────────────────── agent_handle() ─────────────────────────┐
 *        │  absent ─deploy─► deployed ─start─► started ─update─► started     │
 *        │     ▲               │   ▲               │                         │
 *        │     └──undeploy─────┘   └─────stop──────┘   (exit: back-off)      │
 *        └───┬──────────────────────────┬────────────────────────┬───────────┘
 *            ▼                          ▼                        ▼
 *      records                   actions, kills            reports, heartbeats
 *      durable first             to the process port       to zrms
 *
 * Pure, as control.h: the caller makes records durable, then does the actions, then sends.
 *
 * An instance keeps running while zrms is away. Each epoch of an instance is a copy of its own, and
 * zrms decides which copies there are: a copy that a full set does not list is stopped and
 * undeployed, whatever its epoch. Copies with `alone` take turns: the newer one is deployed, and
 * starts when the process of the older one has ended. Exclusive instances
 * [topology.exclusive.zhost] are asked to stop, then killed, counted from sending the last
 * heartbeat that zrms acknowledged; those with `loss.stop_after`, too, at their own time.
 *
 * After a restart nothing is deployed or started before the first full set of zrms: zrms may have
 * asked another zhost meanwhile. What runs continues to run; what is to stop stops. Only where zrms cannot
 * be reached for a failure timeout, what is placed nowhere else starts again: alone.h.
 *
 * Every generation is answered: by the report of the action that it leads to or, where nothing is
 * to be done, by a report of the phase as it stands.
 */
#ifndef SAMOZA_CORE_AGENT_AGENT_H
#define SAMOZA_CORE_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vector.h"
#include "core/instant.h"
#include "proto/wire.pb-c.h"

struct agent;

#define AGENT_PROTOCOL 5 /* of the link: proto/wire.proto */

enum agent_action {
	ACTION_DEPLOY, /* fetch and prepare artifacts, directory, recipe */
	ACTION_START,  /* process, on_init or recipe; result carries the exports */
	ACTION_UPDATE, /* on_update or recipe, with the new imports */
	ACTION_STOP,   /* on_close or recipe within the grace; done when the process is gone */
	ACTION_UNDEPLOY, /* recipe; the directory is removed */
};
const char *agent_action_name(enum agent_action action); /* "deploy" … */

struct agent_config {
	const char *identity; /* of this zhost's directory */
	uint64_t incarnation;
	/* Differs for each boot of the machine: a process that a boot ended did not fail. NULL:
	 * unknown. */
	const char *boot;
	/* Differs for each machine and directory, also where the directory is a copy. NULL: unknown. */
	const char *machine;
	const Samoza__V1__ZhostSpec *spec; /* borrowed for agent_new(), copied */
	/* for HELLO; may be NULL */
	const char *zedge, *platform, *version, *address, *mesh;
	/* For HELLO: by what the machine limits; NULL: not known. Borrowed for agent_new(), copied. */
	const Samoza__V1__Limits *limits;
	bool gives_secrets;   /* for HELLO: to its instances */
	bool allows_exec;     /* for HELLO: commands may be run in its NATIVE instances */
	int64_t heartbeat_ms; /* until HELLO_ACK says otherwise */
	int64_t failure_timeout_ms;
};

enum agent_input_type {
	AGENT_LINK_UP, /* connected: HELLO goes out */
	AGENT_LINK_DOWN,
	AGENT_HELLO_ACK,
	AGENT_DESIRED,
	AGENT_HEARTBEAT_ACK,
	AGENT_ACTION_DONE,   /* the result of an action that the outbox asked for */
	AGENT_PROCESS_ENDED, /* a started instance's process failed or finished by itself */
	AGENT_HEALTH,	     /* the probes of a started instance fail, or pass again */
	AGENT_USAGE,	     /* for the next heartbeat */
	AGENT_TRIED,	     /* the answer to ORDER_TRY */
	AGENT_TICK,
};

struct agent_input {
	enum agent_input_type type;
	union {
		const uint64_t
			*mesh_sums; /* link up: MESH_PARTS of core/mesh_sum.h; NULL: none */
		const Samoza__V1__HelloAck *hello_ack;
		const Samoza__V1__Desired *desired;
		const Samoza__V1__HeartbeatAck *heartbeat_ack;
		const Samoza__V1__Usage *usage;
		struct {
			uint64_t action;   /* number of the action */
			const char *error; /* NULL: success; else without the action's name */
			bool finished;	   /* start: `_start` returned 0 already */
			bool is_ended;	   /* start, with `error`: its program ended with 0 */
			/* update, with `error`: its process got nothing of it, so it is tried again; start: nothing of it ran, since
			 * zrms did not give what it needs, and it is tried again without being a failure */
			bool is_unreached;
			/* update, with `error`: its process has its imports, and env and config as they were, since these could not be
			 * made. They are tried again. */
			bool settings_failed;
			size_t n_exports;
			const Samoza__V1__Variable *const *exports; /* start */
		} done;
		struct {
			const char *topology, *path;
			uint64_t epoch;
			bool finished;	   /* exited successfully by itself: not a failure */
			bool is_ended;	   /* with exit status 0, and has to keep running */
			bool not_renewed;  /* its lease ended, or it was too long without its
					      zhost: not a failure */
			const char *error; /* "killed by signal 9", "watchdog: …" */
		} ended;
		struct {
			const Samoza__V1__InstanceKey *key;
			bool is_healthy;
		} health;
		struct {
			const char *address; /* of the order */
			bool answers;	     /* a connection was made */
		} tried;
	};
};

/* Something to do; all is borrowed until the next agent_handle(). */
struct import_set;

struct agent_order {
	enum {
		ORDER_ACTION, /* do it; answer with AGENT_ACTION_DONE */
		/* SIGKILL the process and the group of the action (`action`, `kind`); still
		 * answer the action. For an update by recipe: only the recipe's group. Without an
		 * action (`action` 0): the process. */
		ORDER_KILL,
		ORDER_RENEW, /* it, or what it is inside of, has a lease or had one: the process stops at stop_ms, and may live
				 until deadline_ms */
		ORDER_RIGHTS, /* `writes` or `serves` has changed */
		ORDER_TRY, /* connect to the address `text`, "IP:PORT"; answer with AGENT_TRIED */
		ORDER_WAITS, /* without zrms: why the copy does not start, `text`, for the log */
		ORDER_END,   /* zrms removed this zhost: all is stopped, the program may exit */
	} type;
	uint64_t action; /* number, for ORDER_ACTION */
	enum agent_action kind;
	const Samoza__V1__InstanceKey *key;
	const Samoza__V1__InstanceSpec *spec;
	size_t n_imports; /* start, update */
	Samoza__V1__Provider *const *imports;
	struct import_set
		*import_set; /* it holds `imports`; the outbox has a reference (import_set.h) */
	uint64_t imports_version;
	/* update: env and config stay as they are. Its space takes other values by a new copy, or one of them is missing that its
	 * process has. */
	bool keeps_settings;
	/* update: its spec has neither env nor config, and its process has some, which go. */
	bool drops_settings;
	bool writes;	  /* it may write to its data: action, rights */
	bool serves;	  /* messages to the instance are for it: action, rights */
	int64_t grace_ms; /* stop: time for on_close; the agent orders the kill */
	/* Renew, and start of a copy that has a lease or is inside of one: monotonic; else NEVER_MS. An
	 * order to start that is carried out late is not begun after deadline_ms: the action
	 * fails. */
	int64_t stop_ms, deadline_ms;
	const char *parent; /* instance path or NULL */
	const char *text;   /* try, waits */
};

struct agent_message {
	Samoza__V1__FrameType type; /* HELLO, REPORT, HEARTBEAT */
	ProtobufCMessage *message;  /* owned */
};

/* Owners of records in the kv. */
#define AGENT_RECORDS \
	"@agent" /* what a restarted zhost must know about each instance (AgentRecord) */
#define AGENT_LINK "@link" /* and about its link (LinkRecord) */

struct agent_record {
	const char *owner; /* static */
	char *id;	   /* AGENT_RECORDS: "TOPOLOGY-ID/PATH#EPOCH" */
	void *data;	   /* NULL: delete */
	size_t size;
};

struct agent_outbox {
	VECTOR(struct agent_record) records;   /* durable first */
	VECTOR(struct agent_order) orders;     /* then act */
	VECTOR(struct agent_message) messages; /* and send */
};

void agent_outbox_init(struct agent_outbox *o);
void agent_outbox_done(struct agent_outbox *o);
void agent_outbox_clear(struct agent_outbox *o);

struct agent *agent_new(const struct agent_config *config);
void agent_free(struct agent *agent);

/* "TOPOLOGY-ID/PATH#EPOCH": names a copy in records and logs. The caller frees. */
char *agent_copy_id(const Samoza__V1__InstanceKey *key);

/* What was found of a copy's process, by its socket and by the report that it left. */
enum agent_found {
	FOUND_NOTHING,
	FOUND_ALIVE,
	FOUND_STOPPED, /* it was asked to stop, or was not renewed: it did not fail */
};

/* Loads one record, as an outbox wrote it. Before the first input. A process that had started is adopted; one whose start had not ended
 * is stopped first. If a started process is gone, it has failed, unless the machine has booted
 * since: then the instance starts again as if it had been stopped. ERR_INVALID: unreadable. */
int agent_load(struct agent *agent, const void *data, size_t size, enum agent_found found,
	       struct error **err) must_check;
/* The same for the record of AGENT_LINK. */
int agent_load_link(struct agent *agent, const void *data, size_t size,
		    struct error **err) must_check;
/* Reads what a record is about, to look for its process before agent_load(). Free the result
 * with samoza__v1__desired_instance__free_unpacked(). */
int agent_record_read(const void *data, size_t size, Samoza__V1__DesiredInstance **ret_desired,
		      struct error **err) must_check;

/* As zrms said last: of the record, until it says it again. */
/* What the next HELLO says of its machine; copied. */
void agent_set_spec(struct agent *agent, const Samoza__V1__ZhostSpec *spec);
int64_t agent_heartbeat_ms(const struct agent *agent);
int64_t agent_failure_timeout_ms(const struct agent *agent);

void agent_handle(struct agent *agent, struct instant now, const struct agent_input *input,
		  struct agent_outbox *outbox);
int64_t agent_next_ms(const struct agent *agent);
/* What zrms sent last does not fit what it had sent before on this link. It was not followed: the
 * caller closes the link and connects again, and zrms sends everything. NULL: it fits. */
const char *agent_link_fault(const struct agent *agent);
/* zrms has removed this zhost: all stops, then ORDER_END. Until that it says HELLO no more, so the caller need not connect:
 * the name may join again, as a new incarnation [lifecycle.root.rejoin]. */
bool agent_is_removed(const struct agent *agent);

/* For simulators: an action, grace or retry is still waiting (heartbeats do not count). */
bool agent_is_busy(const struct agent *agent, char **ret_what);

#endif
