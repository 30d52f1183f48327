/*
 * Daemons: started without anything inherited, known again later, ended.
 */
#ifndef SAMOZA_STARTZ_PROCESS_H
#define SAMOZA_STARTZ_PROCESS_H

#include <stdbool.h>

#include "startz/state.h"

/*
 * Starts argv[0] (a path) in a session of its own: input from /dev/null, output appended to the
 * file `log`, no other descriptor, signals as by default, in the directory /.
 */
int process_start(char *const *argv, const char *log, struct process_id *ret_id,
		  struct error **err) must_check;

/* Whether it is still the process that was started, and has not ended. */
bool process_runs(const struct process_id *id);
/* A pidfd of it; -1 when it does not run. The caller closes. */
int process_open(const struct process_id *id);
/* What a process's kernel name begins with; false when it is gone. */
bool process_has_name(pid_t pid, const char *prefix);

/* Waits `grace_ms` for the end of all of them together, kills what is left and waits for that.
 * Closes the pidfds. */
void process_wait_all(int *pidfds, size_t count, int grace_ms);
/* The same, after asking each to end (SIGTERM). */
void process_end_all(int *pidfds, size_t count, int grace_ms);

#endif
