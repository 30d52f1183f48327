/*
 * A private cluster for one benchmark: zrms and zhosts as processes of their own, on free ports
 * of the loopback, everything in one directory of the scratch directory.
 *
 *   DIRECTORY/zrms, DIRECTORY/bench-1 …      what the daemons keep
 *   DIRECTORY/zhosts.yaml                 capacities, far beyond the machine's: what is measured
 * is Samoza and not the want of room DIRECTORY/log/NAME.log
 *
 * The signing key and the packages outlive it: package.h.
 */
#ifndef SAMOZA_ZBENCH_CLUSTER_H
#define SAMOZA_ZBENCH_CLUSTER_H

#include <stdint.h>
#include <sys/types.h>

#include "zbench/benchmark.h"
#include "zbench/client.h"
#include "zbench/events.h"
#include "zbench/secure.h"

struct prober;

struct cluster_options {
	unsigned zhosts; /* named bench-1 …, each with a label `number` */
	/* Silence after which a zhost is lost; 0: 30 s. The heartbeat is a tenth, at most 1 s.
	 */
	unsigned failure_timeout_ms;
	unsigned heartbeat_ms; /* 0: as above */
	unsigned drain_units;  /* handed over at a time by a drain; 0: as zrms has it */
	/* A store that zrms starts with, DIRECTORY/zrms.db, moved away from there; NULL: a new
	 * one. */
	const char *store;
	/* The zhosts have joined: they reach zrms, and each other, over TLS on an address of this machine that is
	 * not loopback; requests and events stay on loopback. */
	bool secure;
	/* Started with zrms (prober_start_early()); the caller stops it, also when the start fails after that: its port is
	 * set then. NULL: none. */
	struct prober *prober;
};

struct cluster {
	const struct bench *bench; /* borrowed */
	char *directory;
	uint16_t port;			   /* of zrms */
	char address[SECURE_ADDRESS_TEXT]; /* for zhosts; "": loopback, plain */
	pid_t zrms;
	uint64_t spawned_ns;  /* when zrms was */
	VECTOR(pid_t) zhosts; /* bench-1 first; 0: killed */
	struct client client; /* for requests */
	struct events events; /* open unless cluster_close_events() */
};

/* Starts it and waits until every zhost is ready. On failure nothing of it runs. */
int cluster_start(const struct bench *bench, const struct cluster_options *options,
		  struct cluster *cluster, struct error **err) must_check;
/* Ends all its processes and removes its directory. Fine for one that never started. */
void cluster_stop(struct cluster *cluster);

/* Nobody follows any more, for measurements in which a follower would be in the way. */
void cluster_close_events(struct cluster *cluster);

/* Kills zrms, and starts it again on the same port; returns when it listens. Nobody follows its events any more. The
 * options are those of cluster_start(). */
int cluster_restart_zrms(struct cluster *cluster, const struct cluster_options *options,
			 struct error **err) must_check;

/* A machine is lost: the zhost with all that runs on it. `index` from 0. */
void cluster_kill_zhost(struct cluster *cluster, unsigned index);

/* POST of a package, `start` false: only stored. The id is the caller's. */
int cluster_submit(struct cluster *cluster, const struct buffer *mex, bool start, char **ret_id,
		   struct error **err) must_check;
/* Submit, and wait until it runs: the time from the first byte of the request to the event's
 * arrival here. `ret_seconds` may be NULL. */
int cluster_run(struct cluster *cluster, const struct buffer *mex, const char *name,
		unsigned limit_seconds, char **ret_id, double *ret_seconds,
		struct error **err) must_check;
/* Stops it, waits until its `count` spaces are unloaded, and forgets it. */
int cluster_clear(struct cluster *cluster, const char *name, const char *id, uint64_t count,
		  struct error **err) must_check;

#endif
