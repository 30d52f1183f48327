/*
 * Each request of a person leaves one line in the audit, in the batch of what it did, with what it was
 * answered; and there is no line without a request.
 *
 *   asked ──► batch: line + what follows ──► answer
 *               │
 *               └ a revision without a line, a line without its revision, a second line: violations,
 *                 also of a batch that a crash left on disk
 *
 * Source: [machines.people.audit].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_AUDIT_H
#define SAMOZA_ZSIM_FUZZ_CHECK_AUDIT_H

#include "core/outbox.h"

struct answer;
struct fuzz;

/* What was committed, before the mirror learns of it. */
void check_audit_committed(struct fuzz *f, const struct outbox *o);
/* The last request that was made has its answer. */
void check_audit_answered(struct fuzz *f, const struct answer *answer);

#endif
