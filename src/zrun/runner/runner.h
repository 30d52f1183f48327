/*
 * One instance: the state of a zrun process after the fork. There is one per process, and it
 * is the pointer that the guest's imports get, so every file of zrun takes it as its first
 * argument.
 *
 *   main.c      the program: zygote, or one instance after exec
 *   zygote.c    takes requests, forks
 *   runner.c  from the fork to the last frame: sandbox, load, on_init ... on_close
 *   zhost_connection.c      the connection with zhost: buffers, frames, queue, log ring
 *   termination.c     signals, watchdog, deadlines: every way to end with FAILED
 *   wasm_rt.c   what translated code needs: memory, tables, traps
 *   host_*.c    the functions that a guest imports
 *   native.c    recipes of a NATIVE space instead of a guest: native.h
 */
#ifndef SAMOZA_ZRUN_RUNNER_RUNNER_H
#define SAMOZA_ZRUN_RUNNER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/sandbox/confine.h"
#include "adapter/wasm2c/runtime/guest_module.h"
#include "zrun/launch/spawn.h"
#include "zrun/protocol/protocol.h"
#include "zrun/runner/zhost_connection.h"

#define GUEST_STACK_SIZE  (1024 * 1024)
#define GUEST_STACK_GUARD (64 * 1024)
/* An i64 at the highest offset of the highest address ends 7 bytes behind 8 GiB. */
#define GUEST_RESERVE_SIZE ((8ull << 30) + 65536)

/* Why the instance is to stop; NOT_STOPPING while it is not. */
#define NOT_STOPPING (-1)

struct runner {
	struct guest_host host; /* first: the guest's imports see only this */

	/* identity and limits, borrowed from the request */
	const struct spawn_request *request;
	const char *topology;
	const char *path; /* of the instance */
	const char *module_path;
	const char *environment;
	const char *settings; /* of a NATIVE instance, "NAME=VALUE" strings; see native.h */
	const void *filter;
	uint64_t started_wall_ms;
	struct native *native; /* NULL: a WebAssembly guest runs here */

	struct zhost_connection connection;
	struct import_set imports;
	bool imports_changed;  /* on_update is due */
	unsigned updates_owed; /* UPDATED frames */

	/* guest */
	const struct guest_module *module;
	void *guest;	      /* wasm2c's instance */
	const char *running;  /* "on_init": which function of the guest runs */
	uint8_t *memory_base; /* reservation */
	uint8_t *stack_base;  /* guard first, then the stack */
	uint64_t denied;      /* bit per import: the denial was logged */

	/* life cycle */
	uint8_t phase;	  /* enum zrun_phase */
	bool unhealthy;	  /* NATIVE: its health check fails */
	uint32_t sandbox; /* enum zrun_sandbox bits */
	int stop_cause;	  /* enum zrun_stopped_cause, or NOT_STOPPING */
	int32_t finish_result;
	uint64_t stop_deadline_ms; /* monotonic; while stopping */

	/* watchdog and deadlines, read by the timer's handler: termination.c */
	volatile uint64_t host_calls;
	volatile bool in_host;
	volatile uint64_t deadline_ms;	   /* monotonic, hard; 0: none */
	volatile uint8_t deadline_kind;	   /* enum zrun_failed_kind */
	volatile uint64_t stop_at_boot_ms; /* exclusive: 0 none */
	volatile uint64_t end_at_boot_ms;
	volatile uint8_t
		overdue; /* kind of a hard end that waits for the host's code to pause */
	volatile uint8_t overdue_ticks;
	uint64_t watched_calls; /* handler only */
	uint64_t watched_since_ms;

	/* data.list continues where it ended: see host_samoza.c */
	struct {
		char after[ZRUN_KEY_MAX];
		size_t after_size;
		uint32_t position;
		uint64_t prefix_hash;
	} list;
};

/* Of this process; for handlers and for wasm2c's run-time, which get no argument. */
extern struct runner *the_runner;

uint64_t mono_ms(void);
uint64_t boot_ms(void);
uint64_t wall_ms(void);

/* Runs the instance to its end. `request` and its strings stay readable; fds as in spawn.h.
 * `shared` from confine_prepare(). */
__attribute__((noreturn)) void runner_run(const struct spawn_request *request, const int *fds,
					  const struct confine_shared *shared);
/* Checks magic, sizes and terminators of a packet. */
bool spawn_request_valid(const struct spawn_request *request, size_t size);

/* Begins to stop, with this much time; a second call can only shorten. */
void runner_stop(struct runner *i, enum zrun_stopped_cause cause, uint64_t grace_ms);
/* Clocks that the instance watches itself: orphan, exclusive. Called at every wait. */
void runner_check_clocks(struct runner *i);
static inline bool runner_stopping(const struct runner *i)
{
	return i->stop_cause != NOT_STOPPING;
}
/* The guest ends itself well (proc_exit(0)): on_close if there is time, STOPPED. */
__attribute__((noreturn)) void runner_finish(struct runner *i, int32_t result);

/* termination.c: says FAILED with this text and ends the process. Async-signal-safe. */
__attribute__((noreturn, format(printf, 3, 4))) void die(enum zrun_failed_kind kind,
							 int32_t code, const char *format, ...);
/* Says STOPPED and ends the process with 0. */
__attribute__((noreturn)) void end_stopped(struct runner *i);
/* Handlers on their own stack, the timer; before the guest runs. */
void termination_install(struct runner *i);
/* Sets the hard deadline (0: none). */
void termination_deadline(struct runner *i, uint64_t at_ms, enum zrun_failed_kind kind);
/* Sets the timer for what comes first: watchdog, deadline, end of an exclusive instance. */
void termination_arm(struct runner *i);
/* Where the host's code may end: does so when a deadline has passed meanwhile. */
void termination_overdue(struct runner *i);
const char *trap_text(wasm_rt_trap_t trap);

/* host_table.c: in the order of enum import_index */
extern void (*const host_functions[])(void);
/* The guest's memory from `at` on, `size` bytes; NULL when that is outside. */
void *guest_memory(struct runner *i, uint32_t at, uint32_t size);
/* host_wasi.c: what was written without a line feed, as log lines. */
void wasi_flush(struct runner *i);

#endif
