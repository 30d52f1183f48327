/*
 * What is placed fits its zhost, between any two commits.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ROOM_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ROOM_H

struct fuzz;

void check_capacity(struct fuzz *f);

#endif
