/*
 * The zygote: reads spawn requests (spawn.h) from its socket and forks. Its children belong
 * to its parent (CLONE_PARENT). It ends when the socket is closed. libc only, one thread,
 * nothing allocated between requests: what it touches, every instance shares.
 */
#ifndef SAMOZA_ZRUN_ZYGOTE_H
#define SAMOZA_ZRUN_ZYGOTE_H

#include <stdbool.h>
#include <sys/types.h>

#include "zrun/runner/runner.h"

/* argv: overwritten in each instance with its name, for ps. kinds: runner_run(). */
__attribute__((noreturn)) void zygote_run(int socket, uid_t unprivileged_uid,
					  bool with_namespaces, char **argv, int argc,
					  const struct runner_kind *const *kinds);
/* The fallback: one request from the socket, and this process becomes the instance. */
__attribute__((noreturn)) void zygote_run_one(int socket, char **argv, int argc,
					      const struct runner_kind *const *kinds);

#endif
