/*
 * Values of parameters: a submission sets some, keeps those of a revision that it has looked at, which may be no longer
 * the newest, or takes those of the package. Some give other values to the package that is there. How the first
 * space is made follows from the values. What each was asked to be stands in `publisher` (check_values.h).
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_VALUES_H
#define SAMOZA_ZSIM_FUZZ_DRAW_VALUES_H

#include "core/control/control.h"
#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

/* Before the submission: the package of the newest revision, for other values; NULL: a new version. The caller frees. */
Samoza__V1__RevisionRecord *draw_same_package(struct fuzz *f, const struct submitted *s);
/* Gives `record`, which has none, its values; `s` NULL: the name is new. Returns what the submission says that it
 * keeps (control_submit.kept), and NULL in lives without values. The caller frees. */
char *draw_values(struct fuzz *f, const struct submitted *s, Samoza__V1__RevisionRecord *record,
		  bool *ret_resets);

#endif
