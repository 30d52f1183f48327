/*
 * The event loop of a daemon (port/loop.h) on libuv, with what only a daemon needs: signals,
 * processes, and libuv itself for sockets and threads.
 *
 * Nothing here is thread safe; other threads reach the loop through uv_async_t.
 */
#ifndef SAMOZA_ADAPTER_UV_LOOP_H
#define SAMOZA_ADAPTER_UV_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/histogram.h"
#include "port/loop.h"

typedef void loop_signal_fn(void *user, int signum);

/* In the caller's memory, which must not move. Ignores SIGPIPE and SIGXFSZ for the
 * whole process: a write that fails is an error of that write. */
int loop_init(struct loop *loop, struct error **err) must_check;
/* PRE: every handle that others opened is closed or closing. Runs until all are closed. */
void loop_done(struct loop *loop);
/* Until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* How long turns took: from the end of one wait to the beginning of the next, by the clock, without what was yielded to
 * other programs. For so long nobody else is served. */
struct loop_turns {
	struct histogram times;
	uint64_t longest_us; /* since loop_init() */
};
/* Of all turns that have ended; borrowed, as the loop. PRE: loop_init() made it. */
const struct loop_turns *loop_turns(struct loop *loop);

/* For uv_*_init(loop_uv(loop), ...). PRE: loop_init() made it. */
uv_loop_t *loop_uv(struct loop *loop);

/* A handle for uv_poll_start() on `fd`, on the heap, because libuv closes late: uv_close() it with
 * loop_handle_free(). ERR_IO: the kernel has no memory or no room for one more, or `fd` cannot be
 * polled. */
int loop_poll_new(struct loop *loop, int fd, uv_poll_t **ret_poll,
		  struct error **err) must_check;
void loop_handle_free(uv_handle_t *handle);

/* Makes libuv's threads for uv_queue_work() and for looking up names, which libuv itself does late
 * and ends the program when it cannot. Before the first of them is needed. */
int loop_start_threads(struct loop *loop, struct error **err) must_check;

/* The clocks of the machine, for code that has no loop. */
struct instant clock_now(void);

/* `fn` is called from the loop, not from the signal handler. Until loop_done(). */
int loop_on_signal(struct loop *loop, int signum, loop_signal_fn *fn, void *user,
		   struct error **err) must_check;

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
