/*
 * What NATIVE instances have left on the disk and is to go, beside the loop:
 *
 *   a forgetting   moves away what a topology has kept (kept_data.h), and goes first
 *   a removal      of one directory that was moved away
 *
 * Either may take minutes, or for ever on a disk that hangs. So one runs at a time: of the jobs that may run at once (LOOP_JOBS_AT_ONCE)
 * the others are left for what somebody waits for.
 */
#ifndef SAMOZA_ZHOST_NATIVE_CLEARING_H
#define SAMOZA_ZHOST_NATIVE_CLEARING_H

#include <stdbool.h>
#include <stdint.h>

#include "port/loop.h"

struct clearing;

/* `loop` is borrowed; `dir`: the zhost's directory, copied. */
struct clearing *clearing_new(struct loop *loop, const char *dir);
/* What runs comes to its end, before loop_done() has returned; the rest is for the next zhost. NULL is fine. */
void clearing_free(struct clearing *c);

/* What instances of a topology name have kept that were placed before `epoch`. */
void clearing_forget(struct clearing *c, const char *topology, uint64_t epoch);
/* Not all of it is moved away, durably: it waits, or it has failed. */
bool clearing_forgets(const struct clearing *c, const char *topology);
/* From which epoch on what a topology name has kept counts; 0: all counts. Also when it has failed, and when it is done: at the
 * next start it is done once more, until clearing_settle(). */
uint64_t clearing_counts_from(const struct clearing *c, const char *topology);
/* No instance is left that was placed before, and no start will forget it once more: what such instances have made since it was done is moved
 * away; then all counts. PRE: !clearing_forgets(). */
void clearing_settle(struct clearing *c, const char *topology);

/* Removes a directory that nobody uses. Takes the path over. */
void clearing_remove(struct clearing *c, char *directory);

#endif
