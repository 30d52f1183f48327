/*
 * A process that is known by its number and by when it began, so that a number which is used again is
 * not taken for it. libc only: zrun writes it down, zhost looks it up.
 */
#ifndef SAMOZA_ZRUN_PROTOCOL_PROCESS_IDENTITY_H
#define SAMOZA_ZRUN_PROTOCOL_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When the process began, in clock ticks since the boot. False: there is no such process. */
bool process_identity_start(pid_t pid, uint64_t *ret_start);
/* Whether exactly this process still runs. A zombie does not. */
bool process_identity_runs(pid_t pid, uint64_t start);
/* SIGKILL to exactly this process, if it still runs. */
void process_identity_kill(pid_t pid, uint64_t start);

#endif
