/* Rollouts, when all is at rest. */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ROLLOUTS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ROLLOUTS_H

struct fuzz;

/* What can go on has gone on; what is done left nothing of another revision. */
void check_rollouts(struct fuzz *f);

#endif
