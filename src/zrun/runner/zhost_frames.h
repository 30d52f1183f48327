/*
 * Frames from zhost, taken apart.
 */
#ifndef SAMOZA_ZRUN_RUNNER_ZHOST_FRAMES_H
#define SAMOZA_ZRUN_RUNNER_ZHOST_FRAMES_H

#include <stdbool.h>

struct runner;

/* Reads once what has come, and takes all whole frames. False: there is nothing more for now. */
bool zhost_frames_read(struct runner *i);

#endif
