/*
 * The connections that the programs of an instance make, where some addresses are closed to them (the ports of zrms): every
 * connect() of theirs is made here, on the socket that they named, and with a copy of the address, so that nothing they do
 * meanwhile changes what was looked at. All other calls on a socket are the kernel's alone.
 *
 *   program                kernel                     keeper: threads that the filter does not hold
 *     | connect(fd, addr) ──► seccomp: notify ───────────► copies addr, takes the socket (pidfd_getfd)
 *     |                                                     closed? EACCES : connect(socket, copy)
 *     |◄────────────────────── result, errno ◄──────────────┘
 *
 * The socket is the program's own (one file description), so it waits, or says EINPROGRESS, as the program has set it. A call that
 * waits holds a thread of the keeper, of which there are CONNECTS_MAX; further ones wait for their turn. A program into which its
 * own user may not look (PR_SET_DUMPABLE) connects to nothing: EACCES. At the other end of a Unix socket the process is the
 * keeper, with the program's user.
 *
 * What else would connect is closed: MSG_FASTOPEN is EOPNOTSUPP (io_uring is closed by the filter of adapter/sandbox/filter.h).
 * Libc and threads only. Source: [machines.anonymous.native].
 */
#ifndef SAMOZA_ZRUN_NATIVE_CONNECTS_H
#define SAMOZA_ZRUN_NATIVE_CONNECTS_H

#include <stdbool.h>

#define CONNECTS_MAX  128 /* at the same time */
#define CONNECTS_LIST 64  /* addresses that are closed; further ones are not looked at */

/* In the keeper, once it is enclosed, by its main thread: holds that thread, and all that it forks, to it. `closed`: lines
 * "ADDRESS PORT", numeric; one of this machine closes its port on all addresses of this machine. False (errno): the kernel
 * cannot do it; then nothing is closed. */
bool connects_begin(const char *closed);
/* Around each fork() or clone() of the main thread: what other threads hold would stay held in the child. */
void connects_fork_begin(void);
void connects_fork_end(void);

#endif
