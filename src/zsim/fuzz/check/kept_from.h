/*
 * The revisions that a submission or another count may keep values and counts of: what runs, or is being led to, when it is
 * decided. In the commit in which its record comes a rollout may have failed, or another request may have been before it, so
 * there may be several. Never what has failed, or was aborted, in a commit before. Source: [change.rollout.failure].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_KEPT_FROM_H
#define SAMOZA_ZSIM_FUZZ_CHECK_KEPT_FROM_H

#include <stddef.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

struct kept_from {
	const Samoza__V1__RevisionRecord *records[4]; /* borrowed */
	size_t count;				      /* 0: of none, as it is the first one */
};

/* PRE: what else the commit says of the application is not taken yet, nor is the revision with that number. */
struct kept_from kept_from(const struct fuzz *f, const struct submitted *s, uint32_t number);

#endif
