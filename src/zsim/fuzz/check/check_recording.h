/*
 * A second core that is told what zrms was told, as it was written down, says and decides the same: each life of zrms is replayed
 * when it ends (world/recorder.h).
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_RECORDING_H
#define SAMOZA_ZSIM_FUZZ_CHECK_RECORDING_H

struct fuzz;

/* Before zrms begins. */
void check_recording_begin(struct fuzz *f);
/* After every step of anything: sometimes a checkpoint is written, with which that of the replay is compared. */
void check_recording_step(struct fuzz *f);
/* The last life, which goes on. */
void check_recording_end(struct fuzz *f);
/* After the world has ended. */
void check_recording_done(struct fuzz *f);

#endif
