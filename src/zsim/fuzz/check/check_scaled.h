/*
 * Counts that `topo scale` has given, against [change.counts.numbered]: a revision that it makes has them, and those
 * that are submitted later have them, too, where their package still has a written count; none has counts of what failed.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SCALED_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SCALED_H

#include "proto/record.pb-c.h"

struct fuzz;
struct kept_from;

/* A record of a revision was committed, which keeps counts of one of those. */
void check_scaled(struct fuzz *f, const Samoza__V1__RevisionRecord *record,
		  const struct kept_from *from);

#endif
