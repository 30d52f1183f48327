/*
 * The event loop that a daemon stands on: libuv, with what every daemon of ours needs around
 * it.
 *
 *   one turn:   timers ─► hooks (before poll) ─► poll: sockets, signals, other threads ─► again
 *
 * Callbacks of the poll phase only take inputs and append to buffers; the hooks, in the order
 * in which they were added, then do what is best done once per turn: flush the core, start a
 * commit, let the HTTP server run, write the links' buffers. A hook says whether it did
 * something; all run again until none does, because what one does may be work for another.
 *
 * Nothing here is thread safe; other threads reach the loop through uv_async_t.
 */
#ifndef SAMOZA_ADAPTER_UV_LOOP_H
#define SAMOZA_ADAPTER_UV_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/vector.h"
#include "core/instant.h"

/* Called before the loop waits; returns whether it did something. */
typedef bool loop_hook_fn(void *user);
typedef void loop_signal_fn(void *user, int signum);

struct loop_hook {
	loop_hook_fn *fn; /* NULL: removed */
	void *user;
};

/* Something to do once, before the loop waits. Embedded by its owner; all zero but fn and user.
 */
struct loop_task {
	void (*fn)(void *user);
	void *user;
	struct loop_task *next, **link; /* private: in the loop's list */
};

struct loop {
	uv_loop_t uv; /* for uv_*_init(&loop->uv, ...) */
	/* private */
	uv_prepare_t prepare;
	uv_idle_t spin; /* runs while hooks still have work: the poll then does not wait */
	VECTOR(struct loop_hook) hooks;
	struct loop_task *tasks, **tasks_end;
	size_t task_count;
	VECTOR(uv_signal_t *) signals;
	uint64_t talked_ns, awake_until_ns; /* loop_stay_awake() */
	uint8_t *scratch; /* for reads that are used up before the callback returns */
};

#define LOOP_SCRATCH_BYTES (256u * 1024)

/* In the caller's memory, which must not move. Ignores SIGPIPE for the whole process. */
int loop_init(struct loop *loop, struct error **err) must_check;
/* PRE: every handle that others opened is closed or closing. Runs until all are closed. */
void loop_done(struct loop *loop);
/* Until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Somebody's message went through: when they come in quick succession, the loop looks for the
 * next one for some microseconds (giving way to whoever wants the processor) before it sleeps,
 * since a sleeping processor takes longer to wake than the answer does to come. One that comes
 * alone costs nothing. */
void loop_stay_awake(struct loop *loop);

/* Both clocks, now (not as of the start of the turn). */
struct instant loop_now(void);

void loop_before_poll(struct loop *loop, loop_hook_fn *fn, void *user);
void loop_before_poll_remove(struct loop *loop, loop_hook_fn *fn, void *user);

/* Runs task->fn once, in order of asking, after the hooks of this round; asking for one that
 * waits already is free. Cancel before its owner goes (fine when it does not wait). */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_defer_cancel(struct loop *loop, struct loop_task *task);

/* `fn` is called from the loop, not from the signal handler. Until loop_done(). */
int loop_on_signal(struct loop *loop, int signum, loop_signal_fn *fn, void *user,
		   struct error **err) must_check;

/* ---- one timer, as the core asks for it: control_next_ms(), agent_next_ms() ---- */

struct loop_timer; /* on the heap, because libuv closes late */

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *user), void *user);
/* NULL is fine. */
void loop_timer_free(struct loop_timer *timer);
/* Fires once, at `mono_ms` on the clock of loop_now(); a time in the past: in the next turn.
 * NEVER_MS: not at all. Replaces what was set before; setting the same time again is free. */
void loop_timer_at(struct loop_timer *timer, int64_t mono_ms);

/* ---- processes, also those that are not our children ---- */

struct pid_watch;

/* `fn` is called once, when the process has ended (status: as waitpid() gives it when it is our
 * child, which is then reaped; otherwise -1). Then the watch is still to be freed.
 * ERR_NOT_FOUND: no such process any more. `pidfd`: an open pidfd, which the watch takes over,
 * or -1: `pid` is opened (which is safe only for children and for pids that are known to live).
 */
int pid_watch_new(struct loop *loop, pid_t pid, int pidfd,
		  void (*fn)(void *user, pid_t pid, int status), void *user,
		  struct pid_watch **ret_watch, struct error **err) must_check;
/* NULL is fine; also from inside `fn`. */
void pid_watch_free(struct pid_watch *watch);
/* kill(2) that cannot hit another process that got the number; 0, or ERR_NOT_FOUND. */
int pid_watch_kill(struct pid_watch *watch, int signum, struct error **err) must_check;

#endif
