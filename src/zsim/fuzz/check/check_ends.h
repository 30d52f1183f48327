/*
 * Rollouts from outside, over commits: what one leaves when it ends, which revisions are kept, and which states of a
 * topology follow each other.
 *
 *   [change.submit.completes] [change.rollout.failure]  when it has ended, however, all is of what is served
 *   [change.rollout.kept]                               the newest revisions are there, and the last completed one
 *   [change.rollout.states]                             what has been running is not pending before it was stopped
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ENDS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ENDS_H

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

/* The application's record has come; the rollout that is known is still that of the record before. */
void check_ends_take(struct fuzz *f, struct submitted *s,
		     const Samoza__V1__ApplicationRecord *record);
/* An event of kind "topology". */
void check_ends_state(struct fuzz *f, const Samoza__V1__EventRecord *e);
/* After each commit. */
void check_ends_committed(struct fuzz *f);

#endif
