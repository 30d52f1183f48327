/*
 * zrms: the core, its commit loop and its store.
 */
#ifndef SAMOZA_ZSIM_WORLD_CONTROLLER_H
#define SAMOZA_ZSIM_WORLD_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/control/control.h"

struct world;

/* What a request of a client came to. */
struct answer {
	bool answered;	/* false: zrms died before, or is not there */
	int code;	/* 0 or enum error_code */
	char *message;	/* of a refusal, or what an operator should know; may be NULL */
	char *topology; /* id */
};
void answer_done(struct answer *a);

/* Loads the store and starts. A store that cannot be loaded is a violation. */
void controller_start(struct world *w);
/* Frees zrms; of the batches that wait for its store, the `written` oldest are on disk. */
void controller_free(struct world *w, size_t written);
/* Makes a copy of its store. */
void controller_keep_store(struct world *w);
/* The copy and the store change places; `is_restored`: the next start knows that what it has is older. False:
 * there is no copy. PRE: zrms does not run. */
bool controller_swap_store(struct world *w, bool is_restored);
/* What was not committed is lost, links break. */
void controller_crash(struct world *w);
/* It does nothing for so long, and its links stay: a stopped process, a starved machine. */
void controller_stall(struct world *w, int64_t duration_ms);
bool controller_stalls(const struct world *w);
/* A frame, an end of a link or a timer has come. */
void controller_take(struct world *w, const struct control_input *input);
/* Ends the batch. */
void controller_turn(struct world *w);
/* The oldest commit that waits has ended. */
void controller_answer_commit(struct world *w);

#endif
