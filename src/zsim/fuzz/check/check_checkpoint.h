/*
 * A core that is loaded from a checkpoint is the one that wrote it: their digests are equal.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_CHECKPOINT_H
#define SAMOZA_ZSIM_FUZZ_CHECK_CHECKPOINT_H

struct fuzz;

/* After every step of anything: sometimes it looks. */
void check_checkpoint(struct fuzz *f);

#endif
