/*
 * Daemons: started without inherited descriptors, recognised later, stopped.
 */
#ifndef SAMOZA_STARTZ_PROCESS_H
#define SAMOZA_STARTZ_PROCESS_H

#include <stdbool.h>

#include "startz/state.h"

/* Writes down that the process is there, before it begins. */
typedef int process_record_fn(void *user, struct error **err);

/* What is to be started. All of it is borrowed. */
struct process_plan {
	char *const *argv; /* argv[0] is a path */
	const char *log;
	const char *network; /* path of its network namespace; NULL: this one */
	/* A variable of its environment, "NAME=VALUE", which is not in a command line for all to see; NULL: none. */
	char *variable;
};

/*
 * Starts a program in a session of its own: input from /dev/null, output appended to the
 * file `log`, no other descriptor, default signal handlers, in the directory /.
 *
 *     fork ──► *id ──► record() ──► exec
 *                         │ fails, or startz is killed meanwhile
 *                         └──────► the child ends without having begun
 *
 * So every daemon that runs is recorded. After an error *id is as it was before.
 */
int process_start(const struct process_plan *plan, struct process_id *id,
		  process_record_fn *record, void *user, struct error **err) must_check;

/* Whether it is still the process that was started, and has not exited. */
bool process_runs(const struct process_id *id);
/* A pidfd of the process; -1 if it is not running. The caller closes. */
int process_open(const struct process_id *id);
/* Whether the kernel's name of a process begins with `name`; false if it has exited. */
bool process_has_name(pid_t pid, const char *prefix);

/* Waits at most `grace_ms` until all of them have exited, then kills the rest and waits for it.
 * Closes the pidfds. */
void process_wait_all(int *pidfds, size_t count, int grace_ms);
/* The same, after asking each to exit (SIGTERM). */
void process_end_all(int *pidfds, size_t count, int grace_ms);

#endif
