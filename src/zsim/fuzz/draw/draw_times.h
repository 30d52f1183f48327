/*
 * Times and clocks: what zrms is started with, how long it stands still, which machines sleep, what wall
 * clocks say.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_TIMES_H
#define SAMOZA_ZSIM_FUZZ_DRAW_TIMES_H

struct fuzz;

/* zrms is about to start. */
void draw_settings(struct fuzz *f);
/* Once in each step. */
void draw_times(struct fuzz *f);
/* Faults end: nothing stands still or sleeps. */
void draw_times_end(struct fuzz *f);

#endif
