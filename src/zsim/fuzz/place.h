/*
 * Whether what has no place could have one.
 */
#ifndef SAMOZA_ZSIM_FUZZ_PLACE_H
#define SAMOZA_ZSIM_FUZZ_PLACE_H

struct fuzz;
struct submitted;

/* The place that an instance without one could have ("t1/a waits for a place, and n2 would take
 * it"), found by an independent search. NULL: there is none. The caller frees. */
char *place_anyway(const struct fuzz *f, const struct submitted *t);

#endif
