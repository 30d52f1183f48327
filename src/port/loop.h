/*
 * What code that waits needs from an event loop: the time, timers, and work to do before the
 * loop waits. Code over this port runs in a daemon (adapter/uv/loop.h) and, in virtual time and
 * without a process, in a test (adapter/sim/loop.h).
 *
 *   one turn:   timers ─► hooks and tasks ─► poll: sockets, signals, other threads ─► again
 *
 * Callbacks of the poll phase only take inputs and append to buffers. The hooks, in the order
 * in which they were added, then do what is best done once per turn: flush the core, start a
 * commit, let the HTTP server run. Tasks are hooks that run once: a link writes its buffer. A
 * hook returns whether it did something; all run again until none did, because the result of
 * one may be work for another.
 *
 * Nothing here is thread safe.
 */
#ifndef SAMOZA_PORT_LOOP_H
#define SAMOZA_PORT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/instant.h"

struct loop;

typedef bool loop_hook_fn(void *user);

/* Something to do once, before the loop waits. Embedded by its owner; all zero but fn and
 * user. */
struct loop_task {
	void (*fn)(void *user);
	void *user;
	struct loop_task *next, **link; /* private: in the loop's list */
};

/* Work that waits for a disk or takes long, and what follows. Embedded by its owner, which stays until `done`; all zero but
 * both functions. */
struct loop_job {
	void (*run)(struct loop_job *job);  /* in a thread */
	void (*done)(struct loop_job *job); /* then, from the loop */
	/* private */
	struct loop *loop;
	struct loop_job *next; /* it waits for others */
	struct loop_task task; /* of loops without threads */
};

/* Implementations begin with it. */
struct loop_timer {
	struct loop *loop;
};

struct loop_ops {
	struct instant (*now)(struct loop *loop);
	int64_t (*mono_us)(struct loop *loop);
	struct loop_timer *(*timer_new)(struct loop *loop, void (*fn)(void *user), void *user);
	void (*timer_free)(struct loop_timer *timer);
	void (*timer_at)(struct loop_timer *timer, int64_t mono_ms);
	void (*busy_poll)(struct loop *loop);
	void (*run_in_thread)(struct loop *loop, struct loop_job *job);
};

struct loop_hook {
	loop_hook_fn *fn; /* NULL: removed */
	void *user;
};

struct loop {
	const struct loop_ops *ops;
	void *implementation;
	/* private */
	VECTOR(struct loop_hook) hooks;
	struct loop_task *tasks, **tasks_end;
	size_t task_count;
	struct loop_job *jobs, **jobs_end; /* that wait for others */
	unsigned jobs_running;
	uint8_t *scratch; /* LOOP_SCRATCH_BYTES for reads that are used up before the callback
			     ends */
};

#define LOOP_SCRATCH_BYTES (256u * 1024)

/* Both clocks of the loop, now (not as of the start of the turn). */
static inline struct instant loop_now(struct loop *loop)
{
	return loop->ops->now(loop);
}

/* The clock of mono_ms, finer: for what is measured, not for deadlines. */
static inline int64_t loop_mono_us(struct loop *loop)
{
	return loop->ops->mono_us(loop);
}

/* ---- timers ---- */

static inline struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *user),
						void *user)
{
	return loop->ops->timer_new(loop, fn, user);
}
/* Fires once, at `mono_ms` on the clock of loop_now(); a time in the past: in the next turn.
 * NEVER_MS: not at all. Replaces what was set before; setting the same time again is free. */
static inline void loop_timer_at(struct loop_timer *timer, int64_t mono_ms)
{
	timer->loop->ops->timer_at(timer, mono_ms);
}
/* NULL is fine; also from inside `fn`. */
static inline void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL)
		timer->loop->ops->timer_free(timer);
}

/* ---- work before the loop waits ---- */

void loop_before_poll(struct loop *loop, loop_hook_fn *fn, void *user);
/* Also from inside a hook. */
void loop_before_poll_remove(struct loop *loop, loop_hook_fn *fn, void *user);

/* Runs task->fn once, in the order of the calls, after the hooks of this round; free when it
 * waits already. Cancel before its owner goes (fine when it does not wait). */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_defer_cancel(struct loop *loop, struct loop_task *task);

/* A message passed through. While messages follow each other closely, the loop polls for the
 * next one for some microseconds before it sleeps (yielding the processor to others), since
 * waking a sleeping processor takes longer than the answer takes to arrive. An isolated message
 * costs nothing. */
static inline void loop_busy_poll(struct loop *loop)
{
	loop->ops->busy_poll(loop);
}

/* ---- work beside the loop ---- */

/* Half of the threads that there are: names are looked up by the others, and with none left for that nothing would connect while a
 * disk hangs. */
#define LOOP_JOBS_AT_ONCE 2

/* Cannot be taken back: at the end of the loop it waits until all of it has run. At most LOOP_JOBS_AT_ONCE run at a time, begun in the order
 * of the calls: what may take minutes begins its jobs one after the other, so that it holds one of these places.
 * A simulated loop runs it itself, before it waits. */
void loop_run_in_thread(struct loop *loop, struct loop_job *job);

/* ---- for implementations ---- */

void loop_work_init(struct loop *loop, const struct loop_ops *ops, void *implementation);
void loop_work_done(struct loop *loop);
/* What ops->run_in_thread() began has run: the next one may begin, and job->done() is called. */
void loop_job_done(struct loop_job *job);
/* Before waiting: hooks and tasks, a few rounds. True: there is more to do, do not wait. */
bool loop_work_run(struct loop *loop);

#endif
