/*
 * Waits for something that the cluster does over time, such as a drain: events say that something has happened,
 * the state that zrms answers decides.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_CLUSTER_WAIT_H
#define SAMOZA_ZSHELL_COMMAND_CLUSTER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/view.pb-c.h"
#include "zshell/shell/shell.h"

struct cluster_wait {
	struct shell *shell;
	/* Whether to look again. */
	bool (*concerns)(const void *data, const Samoza__V1__EventView *event);
	/* Reads the state from zrms, and says whether it is done. `progress` NULL: nothing is shown. */
	int (*look)(void *data, struct output_progress *progress, bool *ret_done,
		    struct error **err);
	void *data;
	const char *moved;	/* what counts as done of its progress: "gone" */
	const char *what, *how; /* "the drain", and the command that shows it */
	/* While it waits; NULL: nothing is shown. */
	struct output_progress *progress;
	bool done;
};

/* From that event on, at most so long; then `done` says whether it is, and if not, so does a note. */
int cluster_wait(struct cluster_wait *w, uint64_t after, int64_t wait_ms, struct error **err);

#endif
