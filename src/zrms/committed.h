/*
 * What is durable, as a second core, for reads while the store fails: the first one is ahead of the disk
 * by what the store tries to write, and nobody may learn of what a crash can take back.
 *
 *     none ──begin──► reading ──► ready ──end──► none       reading: the store loads its records into it,
 *                        │                                  in a thread of the store's
 *                        └──────► failed ──end──► none
 *
 * It decides nothing: no input reaches it. zrms needs twice the memory meanwhile, and for as long as a
 * worker thread needs to free it. loop_done() waits for that.
 */
#ifndef SAMOZA_ZRMS_COMMITTED_H
#define SAMOZA_ZRMS_COMMITTED_H

#include "adapter/uv/loop.h"
#include "core/control/control.h"
#include "port/store.h"

struct committed;

enum committed_state {
	COMMITTED_NONE,
	COMMITTED_READING,
	COMMITTED_READY,
	COMMITTED_FAILED, /* its records cannot be read either */
};

/* `changed`: it is ready now, or has failed. Both borrowed. */
struct committed *committed_new(struct loop *loop, struct store *store,
				const struct control_config *config,
				void (*changed)(void *user), void *user);
/* PRE: the store has answered everything. NULL is fine. */
void committed_free(struct committed *c);

/* The store fails; PRE: it was none. */
void committed_begin(struct committed *c);
/* The store works again, or zrms ends. */
void committed_end(struct committed *c);

enum committed_state committed_state(const struct committed *c);
/* Borrowed until committed_end(); NULL: it is not ready. */
const struct control *committed_control(const struct committed *c);

#endif
