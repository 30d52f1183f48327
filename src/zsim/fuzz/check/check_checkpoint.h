/*
 * A core that is loaded from a checkpoint is the one that wrote it: their digests are equal.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_CHECKPOINT_H
#define SAMOZA_ZSIM_FUZZ_CHECK_CHECKPOINT_H

struct control;
struct fuzz;

/* After every step of anything: sometimes it looks. */
void check_checkpoint(struct fuzz *f);
/* A core that is loaded from a checkpoint of the one that runs. The caller frees. NULL: it cannot be loaded, which is
 * said. PRE: zrms runs, and no batch is open. */
struct control *checkpoint_copy(struct fuzz *f);

#endif
