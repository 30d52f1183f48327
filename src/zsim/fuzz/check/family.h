/*
 * The instances of one topology, as they were committed.
 */
#ifndef SAMOZA_ZSIM_FUZZ_FAMILY_H
#define SAMOZA_ZSIM_FUZZ_FAMILY_H

#include "zsim/fuzz/life/fuzz.h"

struct mirrored;

struct family {
	const struct fuzz *fuzz;
	const char *name, *id;
	const struct topology *topology;
	const struct mirrored **members; /* by instance index; NULL: no record, no event yet */
};
/* As it was committed; the caller frees `members`. */
struct family family_of(const struct fuzz *f, const struct submitted *s);

#endif
