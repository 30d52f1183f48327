/*
 * zrms: the core, its commit loop and its store.
 */
#ifndef SAMOZA_ZSIM_WORLD_CONTROLLER_H
#define SAMOZA_ZSIM_WORLD_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/control/control.h"

struct sim_recording;
struct watching;
struct world;

/* What a request of a client came to. */
struct answer {
	bool answered;	/* false: zrms died before, or is not there */
	int code;	/* 0 or enum error_code */
	char *message;	/* of a refusal, or what an operator should know; may be NULL */
	char *topology; /* id */
};
void answer_done(struct answer *a);

/* A life of zrms: the one that leads, or one that led, and goes on because it has not heard. */
struct sim_life {
	struct world *world;
	struct control *control;
	struct control_loop *commits;
	struct store *store;
	struct sim_recording *recording; /* NULL: none is made */
	uint64_t number;		 /* world.zrms_life while it led */
	uint64_t term, fence;		 /* of its election; 0: it is the only zrms */
	int64_t ended_ms; /* when another one began to lead; NEVER_MS: it leads */
	/* Of a former one, as those of the world: */
	bool dies;
	int64_t commit_ms, stalls_until_ms;
	VECTOR(struct sim_event *) backlog;
};

/* Loads the store and starts. A store that cannot be loaded is a violation. */
void controller_start(struct world *w);
/* The same, of one that has won. */
void controller_start_elected(struct world *w, uint64_t term, uint64_t fence,
			      struct watching *copy);
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
/* What its store is asked for is answered after that, and has happened or not. */
void controller_cut(struct world *w, int64_t until_ms);
bool controller_stalls(const struct world *w);
/* A frame, an end of a link or a timer has come. */
void controller_take(struct world *w, const struct control_input *input);
/* Ends the batch. */
void controller_turn(struct world *w);
/* The oldest commit that waits has ended. */
void controller_answer_commit(struct world *w);

/* ---- lives that led ---- */

/* Another one leads: the zrms of now becomes a former one. */
void controller_depose(struct world *w);
/* NULL: it is over, or it leads. */
struct sim_life *former_find(const struct world *w, uint64_t number);
bool former_stalls(const struct world *w, const struct sim_life *life);
void former_take(struct sim_life *life, const struct control_input *input);
void former_answer_commit(struct sim_life *life);
/* Its commit loop or a timer of it is due, and has been run. */
bool former_step(struct sim_life *life);
int64_t former_next_ms(const struct world *w, const struct sim_life *life);
/* It dies: what it had not sent is lost. */
void former_end(struct sim_life *life);

#endif
