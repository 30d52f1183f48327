/*
 * No state of an action outlives the time limit of its action.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_TIMEOUTS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_TIMEOUTS_H

struct fuzz;

/* After every step of anything. */
void check_timeouts(struct fuzz *f);

#endif
