/*
 * Whether what has no place could have one.
 */
#ifndef SAMOZA_ZSIM_FUZZ_PLACE_H
#define SAMOZA_ZSIM_FUZZ_PLACE_H

struct fuzz;
struct submitted;

/* Why an instance without a place could have one ("t1/a fits on n2"), by a search of
 * its own. NULL: it could not. The caller frees. */
char *place_anyway(const struct fuzz *f, const struct submitted *t);

#endif
