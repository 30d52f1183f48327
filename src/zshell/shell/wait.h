/*
 * Waits for the end of a request: follows the event stream, and trusts only a GET.
 *
 *   last event before the request -> request -> events since then -> GET says so -> done
 */
#ifndef SAMOZA_ZSHELL_SHELL_WAIT_H
#define SAMOZA_ZSHELL_SHELL_WAIT_H

#include "zshell/shell/resolve.h"
#include "zshell/shell/shell.h"

/* How long --wait waits without a value, and at most. */
#define WAIT_DEFAULT "60s"
#define WAIT_MAX_MS  UINT64_C(2592000000)

enum wait_for {
	WAIT_RUNNING, /* the topology is running; failed or stopped ends the wait, too */
	WAIT_ROLLOUT, /* no rollout is under way and it runs, or the rollout waits for people; what
			  was taken back ends the wait, too */
	WAIT_UNLOADED, /* every instance is not deployed, and no former copy is left */
	WAIT_GOALS,    /* every instance of the subtree is in the state of its goal */
	WAIT_MOVED,    /* another zhost serves the instance; CLI_FAILED: `from` does still */
};

struct wait {
	enum wait_for what;
	struct topology_ref topology; /* borrowed */
	const char *path;	      /* of the subtree; NULL: all */
	const char *from;	      /* moved: the zhost that it leaves */
	bool alone;		      /* only the instance at `path`, not what is below it */
	bool progress;		      /* shows it */
	uint64_t timeout_ms;
	uint64_t after; /* the last event before the request */
};

/* The number of the cluster's last stored event, to be read before the request. 0: there is none. */
int wait_last_event(struct shell *shell, uint64_t *ret_seq, struct error **err) must_check;

/*
 * CLI_DONE; CLI_FAILED when it has ended otherwise (failed, stopped); EXIT_TIMEOUT after the
 * timeout. For the last two, standard error says why. Or an error.
 */
int wait_until(struct shell *shell, const struct wait *wait, struct error **err) must_check;

#endif
