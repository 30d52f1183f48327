/*
 * One instance: the state of a zrun process after the fork. There is one per process.
 *
 *   run.c               from the fork to the kind that runs the space
 *   zhost_wait.c        waiting: for frames, for answers
 *   zhost_frames.c      frames from zhost, taken apart
 *   message_queue.c     messages that the space has not taken
 *   stopping.c          a stop begins; clocks that the instance watches itself
 *   termination.c       signals, watchdog, deadlines: every way to end
 *   zhost_connection.c  the connection with zhost: sending, log lines, the last frame
 *   log_budget.c        how much the space may log
 *   priority.c          its share of the processors, where no control group gives it
 *   import_set.c clocks.c
 *
 * Each uses those below it. What runs inside (a WebAssembly guest, the recipes of a NATIVE space)
 * is a kind, handed in by the program.
 */
#ifndef SAMOZA_ZRUN_RUNNER_RUNNER_H
#define SAMOZA_ZRUN_RUNNER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/launch/spawn.h"
#include "zrun/protocol/protocol.h"
#include "zrun/runner/import_set.h"
#include "zrun/runner/log_budget.h"
#include "zrun/runner/zhost_connection.h"

struct confine_shared;
struct runner;

/* A kind of space, as the runner sees it. Functions may be NULL where it says so. */
struct runner_kind {
	bool (*takes)(const struct spawn_request *request);
	/* Runs the instance to its end. The kind sets kind_state before it takes the first frame.
	 * `shared` from confine_prepare(). */
	__attribute__((noreturn)) void (*run)(struct runner *i,
					      const struct confine_shared *shared);
	/* An UPDATE has come: i->imports is new (or, `is_same`, is not). The kind answers it. */
	void (*update)(struct runner *i, bool is_same);
	/* The update that is under way is to end. NULL: it cannot be ended. */
	void (*cancel)(struct runner *i);
	/* A command is to run beside the space; its words and TERM are borrowed, the descriptors are
	 * the kind's to close. NULL: it runs none, and HELLO says so. */
	void (*exec)(struct runner *i, const struct zrun_exec *exec, const char *words,
		     const char *term, const int fds[ZRUN_EXEC_FDS]);
	void (*exec_signal)(struct runner *i, uint32_t session, int signal);
	/* A stop begins, or must end earlier: by i->stop_deadline_ms. NULL: nothing to do. */
	void (*stop)(struct runner *i);
	/* The process faulted at this address: does not return if the space is the reason.
	 * Async-signal-safe. NULL: it never is. */
	void (*fault)(struct runner *i, const void *address);
};

/* Why the instance is to stop; NOT_STOPPING while it is not. */
#define NOT_STOPPING (-1)

struct runner {
	const struct runner_kind *kind;
	void *kind_state; /* of the kind */

	/* identity and limits, borrowed from the request */
	const struct spawn_request *request;
	const char *topology;
	const char *path; /* of the instance */
	const char *module_path;
	const char *environment;
	const char *settings; /* of the kind, "NAME=VALUE" strings */
	const void *filter;
	uint64_t started_wall_ms;

	struct zhost_connection connection;
	struct log_budget log_budget; /* of a guest */
	struct import_set imports;
	bool imports_changed;  /* on_update is due */
	unsigned updates_owed; /* UPDATED frames */

	const char *running; /* "on_init": which function of the space runs */

	/* life cycle */
	uint8_t phase;	  /* enum zrun_phase */
	bool unhealthy;	  /* its health check fails */
	uint32_t sandbox; /* enum zrun_sandbox bits */
	int stop_cause;	  /* enum zrun_stopped_cause, or NOT_STOPPING */
	int32_t finish_result;
	uint64_t stop_deadline_ms; /* monotonic; while stopping */

	/* watchdog and deadlines, read by the timer's handler: termination.c */
	volatile uint64_t host_calls;
	volatile bool in_host;
	volatile uint64_t deadline_ms;	   /* monotonic, hard; 0: none */
	volatile uint8_t deadline_kind;	   /* enum zrun_failed_kind */
	volatile uint64_t stop_at_boot_ms; /* of its lease; 0: none */
	volatile uint64_t end_at_boot_ms;
	volatile uint8_t
		overdue; /* kind of a hard end that waits for the host's code to pause */
	volatile uint8_t overdue_ticks;
	uint64_t watched_calls; /* handler only */
	uint64_t watched_since_ms;
};

static inline bool runner_stopping(const struct runner *i)
{
	return i->stop_cause != NOT_STOPPING;
}

#endif
