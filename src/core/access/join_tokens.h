/*
 * Tokens with which machines join, as they were issued. A token is one word for the person who sets up a machine;
 * here is what it allows, and the hash of its secret.
 *
 *   created ──► used, used, … ──► used up
 *      └──────────────────────────► expired ──► forgotten
 *
 * Source: [machines.identity.token].
 */
#ifndef SAMOZA_CORE_ACCESS_JOIN_TOKENS_H
#define SAMOZA_CORE_ACCESS_JOIN_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/record.pb-c.h"

#define JOIN_TOKEN_HASH_SIZE 32
#define JOIN_TOKENS_MAX	     1000
#define JOIN_TOKEN_USES_MAX  100000
/* One that has expired answers for so long those who have joined with it and ask again. */
#define JOIN_TOKEN_KEPT_MS (INT64_C(24) * 60 * 60 * 1000)

struct issued_token {
	UT_hash_handle hh;
	Samoza__V1__JoinTokenRecord *record; /* what is kept on disk */
};

struct join_tokens {
	struct issued_token *by_id;
};

void join_tokens_done(struct join_tokens *all);
/* Makes one, or replaces the one with its id. Copies. ERR_INVALID for a record that is none. */
int join_tokens_put(struct join_tokens *all, const Samoza__V1__JoinTokenRecord *record,
		    struct error **err) must_check;
void join_tokens_remove(struct join_tokens *all, struct issued_token *token);
/* NULL: there is none. */
struct issued_token *join_tokens_find(const struct join_tokens *all, const char *id);
/* The one with that id and that secret, or NULL: which of the two is wrong is told by nothing, nor by
 * the time that it takes. */
struct issued_token *join_tokens_find_secret(const struct join_tokens *all, const char *id,
					     const uint8_t hash[JOIN_TOKEN_HASH_SIZE]);
/* The oldest first; ends with NULL. The caller frees the list. */
struct issued_token **join_tokens_sorted(const struct join_tokens *all);
#define JOIN_TOKEN_PATTERN_EXPECTED \
	"1 to 63 characters of A-Z, a-z, 0-9, '.', '_', '-' and '*', the first one not '-'"
/* Of names of zhosts: what a name may have, and `*` for any text. JOIN_TOKEN_PATTERN_EXPECTED. */
bool join_token_pattern_is_valid(const char *pattern);
/* ERR_INVALID, ERR_LIMIT: what is wrong with labels that are to be given to a machine. */
int join_token_check_labels(Samoza__V1__LabelRecord *const *labels, size_t count,
			    struct error **err) must_check;

#endif
