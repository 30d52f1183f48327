/*
 * Values of the revisions that are committed: a submission has what it has set, and for the rest what the revision that it
 * follows was given, unless it takes those of the package; a rollback has the values of its revision, and another count
 * those of the revision that it follows (kept_from.h).
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_VALUES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_VALUES_H

#include <stdbool.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct kept_from;
struct submitted;

/* It follows one of `from`. Before `record` is one of s->packages. */
void check_values(struct fuzz *f, const struct submitted *s,
		  const Samoza__V1__RevisionRecord *record, const struct kept_from *from);

/* A submission with --reset-values. */
bool check_values_are_reset(const Samoza__V1__RevisionRecord *record);

#endif
