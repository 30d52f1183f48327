/*
 * Commands that zhost asks for beside what runs (protocol.h, EXEC). The keeper runs them as it runs
 * the command of a probe, with a guard: what a command leaves ends with it. They read and write
 * zhost's descriptors, not the log. They are no part of the service: its end is the end of theirs,
 * not the other way round.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_EXEC_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_EXEC_H

#include "zrun/native/native_state.h"

/* For struct runner_kind. */
void native_exec_begin(struct runner *i, const struct zrun_exec *exec, const char *words,
		       const char *term, const int fds[ZRUN_EXEC_FDS]);
void native_exec_signal(struct runner *i, uint32_t session, int signal);

/* What the keeper reports of a job that is none of enum job. */
void native_exec_event(struct native *n, const struct keeper_event *event);
/* The keeper has gone, and all that it ran. */
void native_exec_gone(struct native *n);
/* Ends the commands of a connection that was lost. */
void native_exec_check(struct native *n);

#endif
