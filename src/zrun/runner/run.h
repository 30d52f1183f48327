/*
 * From the fork to the kind that runs the space.
 */
#ifndef SAMOZA_ZRUN_RUNNER_RUN_H
#define SAMOZA_ZRUN_RUNNER_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "zrun/launch/spawn.h"
#include "zrun/runner/runner.h"

/* Checks magic, sizes and terminators of a packet. */
bool spawn_request_valid(const struct spawn_request *request, size_t size);
/* Runs the instance to its end, with the first of `kinds` (ends with NULL) that takes it.
 * `request` and its strings stay readable; fds as in spawn.h. `shared` from confine_prepare(). */
__attribute__((noreturn)) void runner_run(const struct spawn_request *request, const int *fds,
					  const struct confine_shared *shared,
					  const struct runner_kind *const *kinds);

#endif
