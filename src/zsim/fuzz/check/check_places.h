/*
 * Where and when copies come.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_PLACES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_PLACES_H

struct fuzz;
struct mirrored_copy;

/* Once all records of a commit are taken, for a copy that it is the first of:
 * it is not on a zhost that was cordoned before and is so still, nor on one that does not suit it; and what is to be placed together with it
 * is placed, too. */
void check_new_copy(struct fuzz *f, const struct mirrored_copy *m);

#endif
