/*
 * Every way in which an instance ends by itself, and what watches over it.
 */
#ifndef SAMOZA_ZRUN_RUNNER_TERMINATION_H
#define SAMOZA_ZRUN_RUNNER_TERMINATION_H

#include "zrun/runner/runner.h"

/* Of this process; for handlers, which get no argument. */
extern struct runner *const the_runner;

/* Sends FAILED with this text and ends the process. Async-signal-safe. */
__attribute__((noreturn, format(printf, 3, 4))) void die(enum zrun_failed_kind kind,
							 int32_t code, const char *format, ...);
/* Sends STOPPED and ends the process with 0. */
__attribute__((noreturn)) void end_stopped(struct runner *i);
/* Handlers on their own stack, the timer; before the guest runs. */
void termination_install(struct runner *i);
/* Sets the hard deadline (0: none). */
void termination_deadline(struct runner *i, uint64_t at_ms, enum zrun_failed_kind kind);
/* Sets the timer for what comes first: watchdog, deadline, end of an exclusive instance. */
void termination_arm(struct runner *i);
/* Where the host's code may end: does so when a deadline has passed meanwhile. */
void termination_overdue(struct runner *i);

#endif
