/*
 * Requests that were carried out under an Idempotency-Key, and what they were answered: who has lost an answer asks again
 * with the same key, and it is carried out once.
 *
 *   asked under a key ──► carried out and recorded, in one commit ──► answered again ──► forgotten
 *                    └──► refused: not recorded                                    after KEY_MS, or when there is no room
 *
 * A key is of who has asked: another principal's of the same text is another key. What was refused has changed nothing, so
 * it is judged again when it is asked again.
 *
 * Source: [machines.replicated.failover].
 */
#ifndef SAMOZA_CORE_ACCESS_IDEMPOTENCY_KEYS_H
#define SAMOZA_CORE_ACCESS_IDEMPOTENCY_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/record.pb-c.h"

#define IDEMPOTENCY_KEY_MS (INT64_C(24) * 60 * 60 * 1000)
/* Of one principal, and of all; one more, and the oldest of them is forgotten. */
#define IDEMPOTENCY_KEYS_OF_ONE_MAX 10000
#define IDEMPOTENCY_KEYS_MAX	    100000
#define IDEMPOTENCY_KEY_SIZE_MAX    128
#define IDEMPOTENCY_REQUEST_SIZE    32 /* of a SHA-256 */

struct idempotency_key {
	UT_hash_handle hh;
	char *id; /* "PRINCIPAL/KEY" */
	Samoza__V1__IdempotencyRecord *record;
	struct idempotency_key *previous, *next; /* by number */
};

/* Who has some. */
struct idempotency_owner {
	UT_hash_handle hh;
	char *name;
	unsigned count;
};

struct idempotency_keys {
	struct idempotency_owner *owners;
	struct idempotency_key *by_id;
	struct idempotency_key *first, *last; /* by number, the oldest first */
};

void idempotency_keys_done(struct idempotency_keys *all);
/* Copies. ERR_INVALID for a record that is none; ERR_CONFLICT: it is known. */
int idempotency_keys_put(struct idempotency_keys *all,
			 const Samoza__V1__IdempotencyRecord *record,
			 struct error **err) must_check;
void idempotency_keys_remove(struct idempotency_keys *all, struct idempotency_key *one);
/* NULL: nothing was carried out under that key, or it is forgotten at `wall_ms`. */
struct idempotency_key *idempotency_keys_find(const struct idempotency_keys *all,
					      const char *principal, const char *key,
					      int64_t wall_ms);
/* The next number: higher than all that there are. */
uint64_t idempotency_keys_next(const struct idempotency_keys *all);
/* The oldest of those that are to be forgotten before `principal` has one more; NULL: none. */
struct idempotency_key *idempotency_keys_excess(const struct idempotency_keys *all,
						const char *principal, int64_t wall_ms);
/* What a key may be: 1 to IDEMPOTENCY_KEY_SIZE_MAX printable characters of ASCII, without blanks, '"' and '\'. */
bool idempotency_key_is_valid(const char *text);

#endif
