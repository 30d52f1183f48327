/*
 * Parts that several commands share.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_COMMON_H
#define SAMOZA_ZSHELL_COMMAND_COMMON_H

#include "adapter/client/view.h"
#include "proto/view.pb-c.h"
#include "zshell/shell/confirm.h"
#include "zshell/shell/history.h"
#include "zshell/shell/resolve.h"
#include "zshell/shell/shell.h"
#include "zshell/shell/wait.h"

/* Used as `.details` by every command that takes an ID. */
#define ID_DETAILS                                                                        \
	"ID is the topology's id, an unambiguous prefix of at least four characters of\n" \
	"it, or its name: the one that is not stopped, or else the newest."
#define SPACE_DETAILS                                                                    \
	"NAME is TOPOLOGY/PATH (my-app/api, my-app/api-2/cache), or the path alone if\n" \
	"only one topology has it."
#define WAIT_DETAILS \
	"With --wait: exits when it is done, or with status 4 after the timeout (60s)."

/* How many events a status shows, and among how many of the newest it looks for them. */
#define STATUS_EVENTS 5
#define STATUS_NEWEST 20000

extern const struct cli_argument topology_argument[]; /* ID */

/* --wait[=TIME], for commands without other options. */
struct wait_options {
	int64_t wait_ms; /* 0: not given */
};
extern const struct cli_option wait_option[];

int get_topology(struct shell *shell, const char *id, Samoza__V1__TopologyView **ret_view,
		 struct error **err) must_check;

/* The table "Placements:", followed by the reasons of the instances that are not running. */
void print_placements(const struct output *o, const Samoza__V1__TopologyView *t);
/* The notice of an answer, if any, on standard error. */
void print_notice(const struct shell *shell, const Samoza__V1__TopologyView *view);

/*
 * POST /v1/topologies/ID/ACTION, then waits for `what` if `wait`. Prints the notice of the
 * answer and the progress. *ret_view (view_free) is set as soon as zrms has answered. Returns
 * an exit status or an error.
 */
struct topology_request {
	const char *action; /* "start" */
	enum wait_for what;
	bool wait;
	bool progress;
	uint64_t timeout_ms;
};
int request_topology(struct shell *shell, const struct topology_ref *ref,
		     const struct topology_request *request,
		     Samoza__V1__TopologyView **ret_view, struct error **err) must_check;

#endif
