/*
 * A thread that owns what blocks (a database, a connection) and works off jobs in order, all that wait at
 * a time, so that they share one commit.
 *
 *   loop ── worker_add() ──► queue ──► ops->run(all that wait)      in the worker's thread
 *     ▲                                         │
 *     └────── ops->done(job), in order ◄────────┘                   in the loop
 */
#ifndef SAMOZA_ADAPTER_UV_WORKER_H
#define SAMOZA_ADAPTER_UV_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "adapter/uv/loop.h"

struct worker;

/* Embedded at the front of a job. */
struct worker_job {
	struct worker_job *next;
	uint64_t added_ns; /* when it was asked for; monotonic */
};

struct worker_ops {
	/* The list, in order; the worker's thread. Must not free them, but may take some out:
	 * worker_split(). */
	void (*run)(void *owner, struct worker_job **jobs);
	/* Nothing has waited for a while since the last job; the worker's thread. Never before the first one: until then
	 * the owner may be used by the loop's thread. */
	void (*idle)(void *owner);
	/* The loop's thread; frees the job. */
	void (*done)(void *owner, struct worker_job *job);
};

/* `name`: of the thread, at most 15 characters. ERR_IO: the system has no thread, no descriptor or no
 * memory left. */
int worker_new(struct loop *loop, const char *name, const struct worker_ops *ops, void *owner,
	       struct worker **ret_worker, struct error **err) must_check;
void worker_add(struct worker *worker, struct worker_job *job);
/* Within run(), where it lasts: takes those out of `*jobs` and of the queue that `may` overtake the others,
 * in order. The caller works on them, then answers them. */
struct worker_job *worker_split(struct worker *worker, struct worker_job **jobs,
				bool (*may)(const struct worker_job *job)) must_check;
/* Their done() follows at once, not after run(). May be NULL. */
void worker_answer(struct worker *worker, struct worker_job *jobs);
/* The loop turns, to see what has changed. Any thread. */
void worker_wake_loop(struct worker *worker);
/* Jobs that are not done yet. */
size_t worker_waiting(const struct worker *worker);
/* Works off what waits (every done() is called), ends the thread, then calls `closed` from the
 * loop. No worker_add() from now on. */
void worker_close(struct worker *worker, void (*closed)(void *user), void *user);

#endif
