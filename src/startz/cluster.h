/*
 * A cluster in one directory: starts what is missing, and leaves alone what is running.
 */
#ifndef SAMOZA_STARTZ_CLUSTER_H
#define SAMOZA_STARTZ_CLUSTER_H

#include <stdio.h>

#include "adapter/cli/cli.h"
#include "startz/state.h"

struct up_settings {
	char *dir;
	uint32_t zhosts; /* 0: as in the previous run, initially 3 */
	uint32_t
		machines; /* zhosts, each on a machine of its own; 0: none, or as in the previous run */
	uint32_t zrms;		/* 0: as in the previous run, initially 1 */
	char *store;		/* "etcd"; NULL: as in the previous run, initially sqlite */
	struct cli_address api; /* host "": as in the previous run */
	int64_t heartbeat_ms, timeout_ms; /* 0: as in the previous run */
	int64_t ready_ms;		  /* time limit until everything is ready */
	char *config;			  /* file with zhosts; NULL: as before */
	char *programs;			  /* where zrms and zhost are; NULL: as startz */
	bool detach;
	bool allow_exec; /* of the zhosts that are started now */
};

struct node_settings {
	char *dir, *name, *zrms, *join, *token_file, *config, *programs;
	int64_t ready_ms;
	bool detach, allow_exec;
};

/* The checks of `up` that need no cluster, before anything is created: incompatible durations,
 * an address in use. `dir` need not exist. */
int cluster_check(const char *dir, const struct up_settings *settings,
		  struct error **err) must_check;
/* Start, and wait until everything is ready; progress goes to standard output. After a failure
 * the started daemons keep running. The state is locked and saved. */
int cluster_up(struct state *s, const struct up_settings *settings,
	       struct error **err) must_check;
int cluster_node(struct state *s, const struct node_settings *settings,
		 struct error **err) must_check;

/* Whether everything that runs in DIR was started by this run. */
bool cluster_is_whole(const struct state *s);
/* Ctrl-C: stops the daemons that this run has started, with the zruns of its zhosts; all of DIR
 * if nothing else runs there. The state is locked and saved. */
int cluster_leave(struct state *s, struct error **err) must_check;
/* After a failed start: stops the daemons that this run has started, and nothing else. */
int cluster_undo(struct state *s, struct error **err) must_check;
/* Stops zhosts, zruns and zrms, in this order, and saves the state. */
int cluster_down(struct state *s, struct error **err) must_check;

/* Shows the logs of the daemons that this run has started until a signal or until they have
 * exited, then stops what is left of them. Returns the exit status. */
int cluster_watch(struct state *s);

#endif
