/*
 * Processes of instances.
 */
#ifndef SAMOZA_ZSIM_WORLD_PROCESS_H
#define SAMOZA_ZSIM_WORLD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/access/credentials.h"
#include "core/agent/agent.h"
#include "zhost/mesh/mesh.h"

struct sim_machine;
struct world;

/* A process without its zhost stops by itself [topology.recovery.zrun]. */
#define WORLD_ORPHAN_MS INT64_C(600000)

/* A process that really runs on a machine, from the beginning of its start to its end. */
struct sim_process {
	char *id;		      /* agent_copy_id() */
	char *slot;		      /* "TOPOLOGY-ID/PATH" */
	char *topology, *path, *name; /* name: "TOPOLOGY-NAME/PATH" */
	char *version;
	uint64_t epoch, placement;
	uint64_t beside; /* another copy that may run on the same machine; 0: none */
	bool exclusive;
	bool started;	     /* its start has succeeded */
	bool killed;	     /* by its zhost, which notices later */
	bool is_unsure;	     /* an update did not reach it: the next one may be what it has */
	int64_t deadline_ms; /* exclusive: end of its lease; NEVER_MS */
	int64_t own_end_ms;  /* exclusive: it has stopped by itself by then */
	int64_t orphan_ms;   /* without its zhost: it ends itself then; NEVER_MS */
	char *imports;	     /* of its last start or update: a line for each provider */
	char *would; /* what it would have, were it started with these; NULL: an import gives no value */
	char *given;	/* what it has a value of, of what its space refers to: "db.ip " */
	char *settings; /* what its programs have of env: "A=1 B=2"; NULL: its space has none */
	char *listens; /* once it has started: "IP:PORT" of its exports; NULL: they have none */
	char *devices; /* that it was started with, and its capabilities: " gpu/1 sensors.camera " */
	bool has_api; /* it shows a token with this hash (api_tokens.h) */
	uint8_t api_hash[CREDENTIAL_HASH_SIZE];
	uint64_t life; /* a number of its own, for ends that were planned */
	/* In the mesh: messages.h. NULL: it is in none. */
	struct sim_machine *machine;
	struct mesh_peer *peer;
	struct mesh_receiver receiver;
	UT_hash_handle hh;
};

/* NULL when there is none; by agent_copy_id(). */
struct sim_process *process_find(const struct sim_machine *n, const char *id);
/* Begins the start of one, and checks that it may live beside all others. */
void process_begin(struct world *w, struct sim_machine *n, const struct agent_order *o,
		   const char *id);
/* Its lease ends then; it stops by itself early enough. */
void process_lease(struct world *w, struct sim_machine *n, struct sim_process *p,
		   int64_t stop_ms, int64_t deadline_ms);
/* It ends itself then, unless its deadline has moved; NEVER_MS: it does not. */
void process_plan_end(struct world *w, struct sim_machine *n, const struct sim_process *p,
		      int64_t at_ms);
/* Its lease has ended: the leases of what is inside of it have ended before. */
void process_check_lease(struct world *w, struct sim_machine *n, const struct sim_process *p);
void process_free(struct sim_machine *n, struct sim_process *p);
void processes_drop(struct sim_machine *n);

#endif
