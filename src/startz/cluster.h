/*
 * A cluster in one directory: what is missing is started, what runs is left alone.
 */
#ifndef SAMOZA_STARTZ_CLUSTER_H
#define SAMOZA_STARTZ_CLUSTER_H

#include <stdio.h>

#include "adapter/cli/cli.h"
#include "startz/state.h"

struct up_settings {
	char *dir;
	uint32_t zhosts;		  /* 0: as before, 3 at first */
	struct cli_address api;		  /* host "": as before, 127.0.0.1:7331 at first */
	int64_t heartbeat_ms, timeout_ms; /* 0: as before, 1 s and 3 s at first */
	int64_t ready_ms;		  /* how long it may take to be ready */
	char *config;			  /* file with zhosts, or NULL: as before */
	char *programs;			  /* where zrms and zhost are; NULL: as startz */
	bool detach;
};

struct node_settings {
	char *dir, *name, *zrms, *config, *programs;
	int64_t ready_ms;
	bool detach;
};

/* What `up` would be refused for in any case, before anything is made: times that do not go
 * together, a taken address. `dir` need not exist. */
int cluster_check(const char *dir, const struct up_settings *settings,
		  struct error **err) must_check;
/* Start and wait until all is ready; progress goes to standard output. What was started stays
 * when something fails. The state is locked and saved. */
int cluster_up(struct state *s, const struct up_settings *settings,
	       struct error **err) must_check;
int cluster_node(struct state *s, const struct node_settings *settings,
		 struct error **err) must_check;

/* Ends what this run has started, and nothing else. */
int cluster_undo(struct state *s, struct error **err) must_check;
/* Ends zhosts, zruns and zrms, in this order, and saves that. */
int cluster_down(struct state *s, struct error **err) must_check;

/* Shows the logs until a signal or until all have ended, then ends everything of DIR. Exit
 * status. */
int cluster_watch(struct state *s);

#endif
