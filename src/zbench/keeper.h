/*
 * Nothing that zbench starts outlives it. The program runs twice:
 *
 *   keeper             waits, ends every process below it, removes the scratch directory, and
 *     │                exits with the worker's status. Ctrl-C does not end it before that;
 *     │                SIGTERM and SIGHUP are passed to the worker
 *     └─ worker        the benchmarks
 *          ├─ zrms
 *          ├─ zhost ── zygote, zrun, zrun …
 *          └─ …
 *
 * Both are subreapers, so a zrun whose zhost was killed becomes their child and is found. Where
 * the keeper itself is killed with SIGKILL, daemons die with the worker (PR_SET_PDEATHSIG), and
 * zruns by their own orphan timeout.
 */
#ifndef SAMOZA_ZBENCH_KEEPER_H
#define SAMOZA_ZBENCH_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Runs `work` in the worker and returns its status once all is clean: 128 + N where signal N
 * ended it. `keep_scratch`: the directory stays, to look for a fault in. */
int keeper_run(const char *scratch, bool keep_scratch, int (*work)(void *data), void *data);

/* Starts a program (argv ends with NULL), standard output and error into `log` (appended).
 * It dies with this process. */
int keeper_spawn(char *const argv[], const char *log, pid_t *ret_pid,
		 struct error **err) must_check;
/* Waits for one's end. ERR_INVALID: its status was not 0; the last lines of `log` are in the
 * message. */
int keeper_wait(pid_t pid, const char *name, const char *log, struct error **err) must_check;

/* Ends this process's children, and theirs, and so on, at once; returns when none is left. */
void keeper_kill_all(void);
/* One process and all below it, as when its machine is lost. */
void keeper_kill_tree(pid_t pid);

/* Removes a directory with all that is in it; what cannot be removed stays. */
void keeper_remove_directory(const char *path);

#endif
