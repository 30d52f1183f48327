/*
 * Waiting for what was asked: follows the event stream, and believes only a GET.
 *
 *   last event before the request -> request -> events since then -> GET says so -> done
 */
#ifndef SAMOZA_ZSHELL_WAIT_H
#define SAMOZA_ZSHELL_WAIT_H

#include "zshell/resolve.h"
#include "zshell/shell.h"

/* How long --wait waits without a value, and at most. */
#define WAIT_DEFAULT "60s"
#define WAIT_MAX_MS  UINT64_C(2592000000)

enum wait_for {
	WAIT_RUNNING,  /* the topology is running; failed or stopped ends it too */
	WAIT_UNLOADED, /* every instance is not deployed */
	WAIT_GOALS,    /* every instance of the sub-tree is in the state of its goal */
};

struct wait {
	enum wait_for what;
	struct topology_ref topology; /* borrowed */
	const char *path;	      /* of the sub-tree; NULL: all */
	bool alone;		      /* only the instance at `path`, not what is below it */
	bool progress;		      /* shows it */
	uint64_t timeout_ms;
	uint64_t after; /* the last event before the request */
};

/* The number of the topology's last event; asked for before the request whose end is waited
 * for. 0 for a topology without one. */
int wait_last_event(struct shell *shell, const char *topology_id, uint64_t *ret_seq,
		    struct error **err) must_check;

/*
 * CLI_DONE; CLI_FAILED when it has ended otherwise (failed, stopped); EXIT_TIMEOUT when the
 * time is over. The last two have said why on standard error. Or an error.
 */
int wait_until(struct shell *shell, const struct wait *wait, struct error **err) must_check;

#endif
