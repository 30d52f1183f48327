/*
 * Values of the revisions that are committed: a submission has what it has set, and for the rest what the revision before
 * it was given, unless it takes those of the package; a rollback has the values of its revision, and another count
 * those of the revision before.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_VALUES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_VALUES_H

#include <stdbool.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

/* `former`: the revision before; NULL: there is none. Before `record` is one of s->packages. */
void check_values(struct fuzz *f, const struct submitted *s,
		  const Samoza__V1__RevisionRecord *record,
		  const Samoza__V1__RevisionRecord *former);

/* A submission with --reset-values. */
bool check_values_are_reset(const Samoza__V1__RevisionRecord *record);

#endif
