/*
 * Counts that `topo scale` has given, against [change.counts.numbered]: a revision that it makes has them, and those
 * that are submitted later have them, too, where their package still has a written count.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SCALED_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SCALED_H

#include "proto/record.pb-c.h"

struct fuzz;

/* A record of a revision was committed; `former`: of the one before it, NULL: not known. */
void check_scaled(struct fuzz *f, const Samoza__V1__RevisionRecord *record,
		  const Samoza__V1__RevisionRecord *former);

#endif
