/*
 * The state of a cluster that startz saves between its runs: DIR/startz.json.
 *
 *   DIR/keys/dev{,.pub}      signing key, made once
 *   DIR/zrms/                store, trust/, artifacts; DIR/zrms-N/ of further ones
 *   DIR/etcd/                of the etcd in which they keep their state (startz/etcd.h)
 *   DIR/zhosts/NAME/         one for each zhost
 *   DIR/log/NAME.log         the log of each daemon
 *   DIR/config/NAME.yaml     what `--config` said of each zhost (startz/config.h)
 *   DIR/startz.json          members: addresses, processes, options of the last `up`
 *   DIR/startz.lock          held by the startz that changes any of this
 *
 * A process is identified by its pid, its start time and the boot id, so that a pid which the
 * system has reused for another program is never mistaken for ours.
 */
#ifndef SAMOZA_STARTZ_STATE_H
#define SAMOZA_STARTZ_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vector.h"

struct process_id {
	pid_t pid;	     /* 0: none */
	uint64_t start_time; /* of /proc/PID/stat */
	char boot[40];	     /* boot id */
};

struct member {
	char *name;	  /* "zrms", "zrms-2", "etcd-1", "edge-node-1" */
	char *program;	  /* "zrms", "etcd", "zhost" */
	char *address;	  /* where it listens: "127.0.0.1:7331"; NULL: not known yet */
	char *zrms;	  /* of a zhost: the URL of its zrms */
	char *peer;	  /* of an etcd: where it listens for the others */
	char *config;	  /* absolute path, or NULL */
	bool allows_exec; /* of a zhost: it was started with --allow-exec */
	uint32_t
		machine; /* of a zhost: the machine that it has (startz/machines.h); 0: this one */
	struct process_id process;
	bool started; /* the process is one that this run of startz started; not saved */
};

typedef VECTOR(struct member) member_vector;

struct state {
	char *dir; /* absolute */
	int lock_fd;
	member_vector members; /* the first zrms first */
	int64_t heartbeat_ms, timeout_ms;
};

/* Makes DIR if it is missing, waits for the lock, reads the saved state. */
int state_open(const char *dir, struct state *ret_state, struct error **err) must_check;
/* The same without making or locking anything; ERR_NOT_FOUND: there is no cluster. */
int state_peek(const char *dir, struct state *ret_state, struct error **err) must_check;
/* Writes the state atomically. */
int state_save(const struct state *s, struct error **err) must_check;
/* Unlocks; later changes need state_lock(), which reads the saved state again, and
 * keeps `started` of processes that are still the same. */
void state_unlock(struct state *s);
int state_lock(struct state *s, struct error **err) must_check;
void state_done(struct state *s);

/* NULL: none. Valid until the next member is added. */
struct member *state_find(struct state *s, const char *name);
/* Adds one at the end (the first zrms: at the front). */
struct member *state_add(struct state *s, const char *name, const char *program);

/* Writes a file atomically and durably. */
int state_write(const char *path, const char *text, size_t size, struct error **err) must_check;
/* "DIR/PATH"; the caller frees. */
char *state_path(const struct state *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
