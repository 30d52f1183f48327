/*
 * A resident is zhost's runtime object for an instance placed on it. The core issues actions
 * (task.h); the kind of space carries them out (space_runtime.h); this is the state in between.
 *
 *   (new) ─deploy─► deploying ──► deployed ─undeploy─► undeploying ──► removed ──► (end)
 *     │                 │          ▲ │ ▲ ▲                  │             ▲
 *     │                 └─failed───┼─┼─┼─┼──────────────────┼─────────────┘
 *     └─from a record──────────────┘ │ │ └──────failed──────┘
 *                                    │ │
 *        ┌──────────no slot──────────┤ │
 *        ▼                         start
 *      queued ──slot──► starting ◄───┘ │
 *        │                 │  │        │
 *        │          STARTED│  └─failed─┤
 *        │                 ▼           │
 *        │   updating ◄─► started      │
 *        │      │          │  │        │
 *        │      │      stop│  └─ended──┤
 *        │      └─ended─┐  ▼           │
 *        │              │ stopping     │
 *        │              │  │           │
 *        └─killed───────┴──┴───────────┘
 *
 * A process that an earlier zhost left is adopted: deployed ──► started, or, when its start had
 * not completed, deployed ──► starting, and from there the core stops it.
 *
 * This header is private to the directory; residents.h is what others use.
 */
#ifndef SAMOZA_ZHOST_SPACE_RESIDENT_H
#define SAMOZA_ZHOST_SPACE_RESIDENT_H

#include "base/hash.h"
#include "zhost/artifact/config_fetch.h"
#include "zhost/artifact/package_files.h"
#include "zhost/environment/variables.h"
#include "zhost/process/zrun_process.h"
#include "zhost/secret/secrets.h"
#include "zhost/space/api_token.h"
#include "zhost/space/farewell.h"
#include "zhost/space/residents.h"
#include "zhost/space/space_runtime.h"
#include "zhost/space/start_queue.h"
#include "zhost/state/instance_file.h"

enum __attribute__((packed)) resident_state {
	RESIDENT_DEPLOYING,
	RESIDENT_DEPLOYED, /* nothing runs */
	RESIDENT_QUEUED,   /* a start that waits for a slot */
	RESIDENT_STARTING,
	RESIDENT_STARTED,
	RESIDENT_UPDATING,
	RESIDENT_STOPPING,
	RESIDENT_UNDEPLOYING,
	RESIDENT_REMOVED,
};

struct resident {
	struct residents *owner; /* borrowed */
	const struct space_runtime *runtime;
	char *id;      /* agent_copy_id() */
	char *slot_id; /* "TOPOLOGY-ID/PATH" */
	UT_hash_handle hh;
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec;
	uint32_t capabilities;			 /* enum zrun_capability */
	char file_name[INSTANCE_FILE_NAME_SIZE]; /* of this epoch, in run/ and spaces/ */
	struct spacelog *log;
	uint32_t log_revision; /* of the spec that its budget is of */
	enum resident_state state;

	/* The action under way; 0: none. */
	uint64_t action;
	enum agent_action action_kind;
	int64_t begun_ms;
	import_vector imports; /* of a start, or of an update whose settings are being made */
	/* As asked with the last start or update: what its settings are made of (settings.h). NULL: none was. */
	Samoza__V1__InstanceSpec *asked;
	struct import_set *providers;
	char *settings_error; /* of an update whose process keeps what it has of them; owned, NULL: none */
	struct secret_values secrets; /* of a start or an update, until its process has them */
	bool is_late;	     /* an update that was ended while it waited for its settings */
	bool has_no_config;  /* nor has its directory; false: not known */
	int64_t stop_ms;     /* with a lease: it stops by itself then; NEVER_MS otherwise */
	int64_t deadline_ms; /* and its process is gone */
	struct start_slot slot;

	/* Artifacts that the action waits for. */
	struct artifact_wait *wait;
	struct package_fetch *files;
	struct config_fetch *config;
	struct secret_fetch *secret_fetch;
	char **templates; /* while its secrets are waited for: one for each file of asked->config */
	char *module_path; /* once it was fetched */

	Samoza__V1__Variable **exports; /* as filled for the action under way */
	size_t n_exports;

	struct zrun_process *process; /* owned; NULL: none */
	/* After a restart: of the record, and of the process that find() found ended. */
	Samoza__V1__Phase loaded_phase;
	struct exit_report last_report;
	bool serves;		/* messages to the instance are for it */
	uint64_t starts;	/* of this copy, since zhost started */
	struct mesh_peer *peer; /* while it is in the mesh */
	struct mesh_receiver receiver;
	struct farewell farewell;
	struct data_client data;
	struct api_token api;
};

/* ---- for the kinds ---- */

const struct residents_parts *resident_parts(const struct resident *r);
int64_t resident_now_ms(const struct resident *r);

/* The action under way is complete. Deploying failed, and undeploying done: `r` is gone. */
void resident_done(struct resident *r);
/* Of an update: its process got nothing of it, so it is tried again; its own answer is resident_updated(). */
void resident_failed(struct resident *r, const char *error);
/* The instance runs: completes its start. Also of an adopted process. */
void resident_started(struct resident *r);
/* An update was handled; fine when none is under way. */
void resident_updated(struct resident *r, int32_t result, const char *text, size_t size);
/* Its health check fails, or succeeds again. */
void resident_health(struct resident *r, bool is_healthy);
/* The process has ended, and r->process is NULL. Completes the action under way, whatever it is.
 * `r` may be gone. */
void resident_ended(struct resident *r, const struct exit_report *report);
/* Its process has made contact: the next start may begin. */
void resident_leave_slot(struct resident *r);
/* Fails what the action waits for, r->wait or r->files. */
void resident_abort_fetch(struct resident *r);

/* Fills r->exports, where they are not filled yet. ERR_LIMIT: no port is left. */
int resident_fill_exports(struct resident *r, struct error **err) must_check;
/* The exports of any resident, filled in the same way; free them with ports_exports_free(). */
int resident_exports(struct resident *r, Samoza__V1__Variable ***ret_exports,
		     struct error **err) must_check;
/* It can send from now on; others reach it once it is started. */
void resident_join_mesh(struct resident *r);
void resident_leave_mesh(struct resident *r);
/* How long its process may take to stop. */
uint64_t resident_grace_ms(const struct resident *r);
/* When the process of an instance with a lease stops by itself; zero for others. */
struct zrun_lease resident_lease(const struct resident *r);
/* NULL: it is not here. */
struct resident *resident_find(const struct residents *owner,
			       const Samoza__V1__InstanceKey *key);
/* The copy that it is inside of: of the same placement, else the newest one. NULL: none. */
struct resident *resident_parent(const struct resident *r);
/* A line of zhost's own in the instance's log. */
void resident_log(struct resident *r, const char *level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- for residents.c ---- */

/* `deploy`: the task that makes it, deploying; NULL: it was deployed before. */
struct resident *resident_new(struct residents *owner, const struct space_runtime *runtime,
			      const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec, const struct task *deploy);
/* Releases everything; the process continues. */
void resident_free(struct resident *r);
void resident_begin(struct resident *r, struct task *task);
void resident_kill(struct resident *r, bool is_update);
/* Whether it may write to its data, and whether messages to the instance are for it. */
void resident_set_rights(struct resident *r, bool writes, bool serves);
/* It was found running after a restart of zhost, or its start was found under way. */
void resident_adopt(struct resident *r, bool is_started);

#endif
