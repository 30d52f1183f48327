/*
 * Requests under an Idempotency-Key: carried out once, however often they are asked, and of whichever zrms.
 *
 *   asked under a key ──► batch: its line in the audit, and the key with its answer ──► answered
 *     └ asked again ────► answered as before, without a line
 *
 * A second line of what was done under a key, an answer without the key in the store, and another answer than the first
 * one are violations.
 *
 * Source: [machines.replicated.failover].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_KEYS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/access/idempotency_keys.h"

struct answer;
struct control_input;
struct fuzz;
struct outbox;

struct key_seen {
	int64_t expires_ms; /* as recorded, wall clock; 0: it is not, or no longer */
	unsigned done;	    /* lines of the audit: times that it was carried out */
	bool is_granted;    /* it was acknowledged */
	bool was_recorded;
	char *topology; /* of the answer; NULL: it named none */
};

struct keys_seen {
	VECTOR(struct key_seen) keys; /* by number - 1 */
	char text[32];		      /* of the request that is asked */
	uint8_t request[IDEMPOTENCY_REQUEST_SIZE];
};

/* NULL: none are drawn. */
struct keys_seen *check_keys_of(struct fuzz *f);
void check_keys_done(struct fuzz *f);
/* Gives the request that key, as it was given before; it is good until the next one. */
void check_keys_give(struct fuzz *f, uint64_t number, struct control_input *input);
/* What was committed. */
void check_keys_committed(struct fuzz *f, const struct outbox *o);
/* The answer to the last request, which was under that key. */
void check_keys_answered(struct fuzz *f, uint64_t number, const struct answer *answer);

#endif
