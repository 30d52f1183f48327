/*
 * What zrms shows.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_H
#define SAMOZA_ZSIM_FUZZ_CHECK_H

struct fuzz;

/* zrms shows what was committed: after each of its starts. */
void check_loaded(struct fuzz *f);
/* Nothing acknowledged is lost: at any time. */
void check_kept(struct fuzz *f);
/* Everything is idle, everything can be reached, and there are no more failures. */
void check_converged(struct fuzz *f);

#endif
