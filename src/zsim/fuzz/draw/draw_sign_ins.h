/*
 * People with tokens, codes that they make, and sessions.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_SIGN_INS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_SIGN_INS_H

struct fuzz;

/* After each step: something of it, in lives that draw it. */
void draw_sign_ins(struct fuzz *f);

#endif
