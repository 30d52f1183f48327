/*
 * A target of notices: attempts that reach it, and others that do not, as zrms makes them.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_NOTICES_H
#define SAMOZA_ZSIM_FUZZ_DRAW_NOTICES_H

struct fuzz;

/* After each step: something of it, in lives that draw it. */
void draw_notices(struct fuzz *f);

#endif
