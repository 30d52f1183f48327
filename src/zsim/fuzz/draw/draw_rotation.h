/*
 * Rotations of the certificate authority, in lives in which machines join.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_ROTATION_H
#define SAMOZA_ZSIM_FUZZ_DRAW_ROTATION_H

struct fuzz;

/* After each step: something of it, in lives that draw it. */
void draw_rotation(struct fuzz *f);

#endif
