/*
 * An instance that is placed on this zhost, and the actions that the core orders for it.
 *
 *   ORDER_ACTION deploy    artifacts into the cache; then there is a resident to start
 *                start     zrun through the launcher, or, for a UI space, its pages
 *                update    imports to zrun
 *                stop      STOP to zrun; done when the process is gone
 *                undeploy  files and ports given back; the resident is forgotten
 *   ORDER_KILL             SIGKILL, or the end of whatever the action waits for
 *   ORDER_RENEW            RENEW to zrun
 *
 * Every action is answered exactly once, by AGENT_ACTION_DONE (reconcile.h).
 */
#ifndef SAMOZA_ZHOST_SPACE_RESIDENT_H
#define SAMOZA_ZHOST_SPACE_RESIDENT_H

#include "base/buffer.h"
#include "base/hash.h"
#include "zhost/data/data_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/zhost.h"

struct artifact_wait;
struct zrun_process;

struct import_value {
	char *name; /* "provider.variable" */
	char *value;
};
typedef VECTOR(struct import_value) import_vector;
void imports_done(import_vector *imports);

/* An order, with copies of what it borrows from the core: it is carried out after the commit,
 * when the core may have moved on. */
struct task {
	__typeof__(((struct agent_order *)0)->type) type;
	uint64_t action;
	enum agent_action kind;
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec; /* deploy */
	import_vector imports;		/* start, update */
	int64_t grace_ms, deadline_ms;
};
void task_init(struct task *t, const struct agent_order *order);
void task_done(struct task *t);

struct resident {
	struct zhost *zhost; /* borrowed */
	char *id;	     /* "TOPOLOGY-ID/PATH" */
	UT_hash_handle hh;
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec;
	uint32_t capabilities; /* enum zrun_capability */
	char run_name[INSTANCE_FILE_NAME_SIZE];
	struct spacelog *log;

	/* The action under way; 0: none. */
	uint64_t action;
	enum agent_action kind;
	import_vector imports;	    /* start: what it is begun with */
	struct artifact_wait *wait; /* deploy, start */
	size_t next_page;	    /* deploy of a UI space */
	char *page_error;
	bool is_walking;
	int64_t deadline_ms;	     /* exclusive: end of the lease, NEVER_MS otherwise */
	struct resident *start_next; /* in zhost.start_first */
	bool start_waits, start_counts;
	int64_t begun_ms;

	Samoza__V1__Variable **exports; /* as filled for the running start */
	size_t n_exports;
	char *module_path; /* once deployed */

	struct zrun_process *process; /* owned; NULL: none */
	struct mesh_peer *peer;	      /* while started */
	struct mesh_receiver receiver;
	struct data_client data;
};

/* Carries out one task. */
void resident_task(struct zhost *z, struct task *task);
/* After a restart: what a record says is here. */
struct resident *resident_load(struct zhost *z, const Samoza__V1__DesiredInstance *desired);
/* It was found running: it is in the mesh again. */
void resident_found(struct resident *r);

/* NULL when there is none. */
struct resident *resident_find(struct zhost *z, const char *topology, const char *path);

/* From zrun_process.c: STARTED came; the process is gone (text: "" for an end that was asked
 * for or went well, otherwise why); UPDATED came. */
void resident_started(struct resident *r);
/* `text`: why a recipe failed. */
void resident_updated(struct resident *r, int32_t result, const char *text, size_t size);
void resident_ended(struct resident *r, bool is_finished, const char *error);
/* The next queued start may go. */
void resident_start_counted(struct resident *r);

/* A line of zhost's own in the instance's log. */
void resident_say(struct resident *r, const char *level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void residents_free(struct zhost *z);

#endif
