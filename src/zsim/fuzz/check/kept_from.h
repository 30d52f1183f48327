/*
 * The revisions that a submission or another count may keep values and counts of: what runs, or is being led to, when it is
 * decided: the newest that was accepted, or, where that has failed or was aborted, what ran before it. There are two where
 * an event of the very commit says that it has: nobody knows which came first. Source: [change.submit] [change.rollout.failure].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_KEPT_FROM_H
#define SAMOZA_ZSIM_FUZZ_CHECK_KEPT_FROM_H

#include <stddef.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

struct kept_from {
	const Samoza__V1__RevisionRecord *records[2]; /* borrowed */
	size_t count;				      /* 0: of none, as it is the first one */
};

/* PRE: what else the commit says of the application is not taken yet, nor is the revision with that number. */
struct kept_from kept_from(const struct fuzz *f, const struct submitted *s, uint32_t number);

#endif
