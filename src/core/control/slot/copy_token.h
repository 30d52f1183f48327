/*
 * The token of an instance (request/api_tokens.h) is of one process: with it ends what it shows, also where the copy goes on with
 * another process.
 *
 *   start ──► token ──► its process runs ──► it has ended: shown by nobody ──► start ──► another token
 *
 * Its credential stays, good for nobody, until the copy has another token or is to run no longer: the next process may do the same,
 * so nobody is given anything, and nothing is said.
 *
 * Source: [machines.anonymous.native].
 */
#ifndef SAMOZA_CORE_CONTROL_COPY_TOKEN_H
#define SAMOZA_CORE_CONTROL_COPY_TOKEN_H

#include "core/control/state/state.h"

/* Before the report is taken: a zhost that gives no tokens may also have started the copy again since its last report. */
void copy_token_report(struct control *c, const struct copy *copy,
		       const Samoza__V1__InstanceReport *r);
/* Its zhost does not hold it. */
void copy_token_missing(struct control *c, const struct copy *copy);

#endif
