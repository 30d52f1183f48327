/*
 * The folder of one zhost (--dir):
 *
 *   DIR/lock          held by the zhost that uses it
 *   DIR/identity      a uuid, drawn once
 *   DIR/incarnation   a number that grows with each start, on disk before anyone hears it
 *   DIR/zhost.db      records of the agent, drawn ports, data of `storage: local`
 *   DIR/run/NAME.s    listening socket of an instance    DIR/run/NAME.e  its last words
 *                     (a link into memory, or a folder: run_folder.h)
 *   DIR/cache/        artifacts by digest
 *   DIR/spaces/       folders of NATIVE spaces
 *   DIR/log/NAME.log  what an instance says          DIR/log/zrun.err  what zrun itself says
 *
 * NAME is a short hash of the instance, so that neither long names nor a deep DIR meet the
 * 107 bytes of a socket's path (sockets are reached through the descriptor of run/).
 */
#ifndef SAMOZA_ZHOST_STATE_STATE_DIR_H
#define SAMOZA_ZHOST_STATE_STATE_DIR_H

#include <stdint.h>

#include "base/error.h"

struct state_dir {
	char *path; /* absolute */
	int lock_fd;
	int dir_fd, run_fd, log_fd; /* of the folders */
	int stderr_fd;		    /* of the processes of instances: they outlive ours */
	char identity[37];
	uint64_t incarnation;
};

/* Makes what is missing (mode 0700) and takes the lock. ERR_CONFLICT: another zhost has it. */
int state_dir_open(struct state_dir *f, const char *path, struct error **err) must_check;
/* Reads or draws the identity, and counts the incarnation up, durably. */
int state_dir_begin(struct state_dir *f, struct error **err) must_check;
void state_dir_close(struct state_dir *f);

#define INSTANCE_FILE_NAME_SIZE 33 /* 32 hexadecimal digits and NUL */

/* Name of an instance's files in log/ (epoch 0) and, with its epoch, in run/. */
void instance_file_name(const char *topology, const char *path, uint64_t epoch,
			char ret_name[INSTANCE_FILE_NAME_SIZE]);

#endif
