/*
 * A file that one process at a time holds, for the directory that it is in; the pid of that process is
 * in it.
 *
 *     zrms ───────── holds ──► DIR/lock ◄── shares ─────── a child of zrms, until it runs its program or ends
 *      └─ kill -9                                            └─ goes on for a moment
 *
 * A child shares what its parent had locked at the fork (flock(2)). So what is locked by nobody but the
 * children of a process that is gone is waited for, and what its holder holds is refused at once.
 */
#ifndef SAMOZA_ADAPTER_LOCK_LOCK_H
#define SAMOZA_ADAPTER_LOCK_LOCK_H

#include "base/error.h"

/* How long the children of a process that is gone are waited for. */
#define LOCK_WAIT_MS 10000

/* Holds `fd`, an open file that may be written, until the last copy of the descriptor is closed.
 * ERR_CONFLICT: somebody has it, as the error says: "`dir` is in use by `somebody` (pid N)". */
int lock_hold(int fd, const char *dir, const char *somebody, struct error **err) must_check;

#endif
