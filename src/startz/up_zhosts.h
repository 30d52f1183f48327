/*
 * Zhosts of a cluster: started where they do not run.
 */
#ifndef SAMOZA_STARTZ_UP_ZHOSTS_H
#define SAMOZA_STARTZ_UP_ZHOSTS_H

#include "startz/cluster.h"
#include "startz/config.h"

struct names {
	VECTOR(char *) list;
};

void names_done(struct names *n);

/* Zhosts that are to be started with the same options. */
struct zhost_start {
	const char *programs, *url;
	const char *link;	/* where the zhosts reach zrms; NULL: at `url`, too */
	const char *token_file; /* NULL: what is known is shown */
	const char *join; /* the token with which it joins, which says where; `url` is NULL */
	const struct config *config; /* without a list, each keeps its own */
	bool allow_exec;
};

/* Refuses what cannot be taken by a zhost that runs: startz restarts nothing by itself
 * [shell.startz.changed]. `url` NULL: where their zrms is does not change. */
int up_zhosts_check(struct state *s, const struct names *names, const char *url,
		    const struct config *config, bool allow_exec,
		    struct error **err) must_check;
/* Starts the zhosts in `names` that are not running, and waits for all of them. */
int up_zhosts(struct state *s, const struct names *names, const struct zhost_start *start,
	      int64_t deadline_mono_ms, struct error **err) must_check;

#endif
