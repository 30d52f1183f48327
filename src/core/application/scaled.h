/*
 * Counts that people have given to spaces of an application, instead of those of its package. They are part
 * of a revision, and stay with later submissions. Source: [change.counts.numbered], [change.rollout.cmd-scale].
 */
#ifndef SAMOZA_CORE_APPLICATION_SCALED_H
#define SAMOZA_CORE_APPLICATION_SCALED_H

#include <stdbool.h>

#include "base/error.h"
#include "proto/record.pb-c.h"

/* Gives spaces of the revision other counts: "api=3,web=2". ERR_INVALID: a space has no written count, is not
 * there, or the count is out of range; what was changed before stays changed. */
int scaled_take(Samoza__V1__RevisionRecord *r, const char *counts,
		struct error **err) must_check;
/* The counts that were given to spaces of `from`, where `to` still has a written count for them. */
void scaled_carry(Samoza__V1__RevisionRecord *to, const Samoza__V1__RevisionRecord *from);
/* As in its package. */
void scaled_reset(Samoza__V1__RevisionRecord *r);
/* The same package with the same values and counts. */
bool scaled_is_same(const Samoza__V1__RevisionRecord *a, const Samoza__V1__RevisionRecord *b);

#endif
