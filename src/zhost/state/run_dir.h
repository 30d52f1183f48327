/*
 * Where the sockets and exit reports of instances lie: DIR/run.
 *
 * Each start of an instance makes two files there and each end removes them. Disks are bad at
 * that: ext4 steps over every inode that was removed in the last minutes before it gives one
 * out, which took half of the processor time of 1,000 starts. So for root and the other users
 * of the system DIR/run is a link into memory:
 *
 *   DIR/run -> BASE/samoza-UID/NAME/     BASE: /run or /dev/shm, the first one that is a tmpfs
 *                          NAME/owner -> DIR
 *
 * Nothing there outlives a reboot, and neither do the processes that it is about. What people
 * keep in memory goes when they log out (RemoveIPC of logind): for them, and where there is no
 * tmpfs, DIR/run is a real directory. A real directory that is there stays one.
 */
#ifndef SAMOZA_ZHOST_STATE_RUN_DIR_H
#define SAMOZA_ZHOST_STATE_RUN_DIR_H

#include "base/error.h"

/* PRE: the caller holds DIR's lock. `dir_path` is absolute. Also removes what zhosts left in
 * memory whose DIR is gone. */
int run_dir_open(int dir_fd, const char *dir_path, int *ret_fd, struct error **err) must_check;

#endif
