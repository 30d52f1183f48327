/*
 * Spaces that send messages and answer them, at random moments.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_MESSAGES_H
#define SAMOZA_ZSIM_FUZZ_DRAW_MESSAGES_H

struct fuzz;

/* After every step of anything, also in peace. */
void draw_messages(struct fuzz *f);

#endif
