/*
 * How a stop begins.
 */
#ifndef SAMOZA_ZRUN_RUNNER_STOPPING_H
#define SAMOZA_ZRUN_RUNNER_STOPPING_H

#include "zrun/runner/runner.h"

/* Begins to stop, with this much time; a second call can only shorten. */
void runner_stop(struct runner *i, enum zrun_stopped_cause cause, uint64_t grace_ms);
/* Clocks that the instance watches itself: orphan, exclusive. Called at every wait. */
void runner_check_clocks(struct runner *i);

#endif
