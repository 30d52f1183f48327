/*
 * The directory of one zhost (--dir):
 *
 *   DIR/lock          held by the zhost that uses it, never replaced (machine.h)
 *   DIR/identity      a uuid, drawn once
 *   DIR/incarnation   a number that grows with each start, on disk before it is used
 *   DIR/zhost.db      records of the agent, drawn ports, data of `storage: local`
 *   DIR/run/NAME.s    listening socket of an instance    DIR/run/NAME.e  its exit report
 *                     (a link into memory, or a directory: run_dir.h)
 *   DIR/cache/        artifacts by digest
 *   DIR/spaces/       directories of NATIVE instances
 *   DIR/data/         what NATIVE instances keep over an undeploy (kept_data.h)
 *   DIR/log/NAME.log  log of an instance             DIR/log/zrun.err  standard error of zrun
 *
 * NAME is that of instance_file.h.
 */
#ifndef SAMOZA_ZHOST_STATE_STATE_DIR_H
#define SAMOZA_ZHOST_STATE_STATE_DIR_H

#include <stdint.h>

#include "base/error.h"

struct state_dir {
	char *path; /* absolute */
	int lock_fd;
	int dir_fd, run_fd, log_fd; /* of the directories */
	int stderr_fd;		    /* for the processes of instances, which outlive zhost */
	char identity[37];
	uint64_t incarnation;
};

/* Makes what is missing (mode 0700) and takes the lock. ERR_CONFLICT: another zhost has it. */
int state_dir_open(struct state_dir *f, const char *path, struct error **err) must_check;
/* Reads or draws the identity, and counts the incarnation up, durably. */
int state_dir_begin(struct state_dir *f, struct error **err) must_check;
/* Draws another identity, durably; PRE: not begun. `f` then has it. "" in ret_before: it had none. */
int state_dir_renew_identity(struct state_dir *f, char ret_before[37],
			     struct error **err) must_check;
/* Keeps only the end of zrun.err once it is over 1 MiB. The processes that write to it go on doing so. */
void state_dir_bound_stderr(struct state_dir *f);
void state_dir_close(struct state_dir *f);

#endif
