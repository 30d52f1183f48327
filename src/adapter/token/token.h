/*
 * Tokens: secrets by which people, programs and zhosts show who they are. One is told once; what it is
 * checked against is its hash.
 *
 *   smzu_ and 43 characters (of a person or program)      smzz_ and 43 characters (of a zhost)
 *         base64url of 32 random bytes, without padding
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_ADAPTER_TOKEN_TOKEN_H
#define SAMOZA_ADAPTER_TOKEN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define TOKEN_HASH_SIZE 32
#define TOKEN_OF_PERSON "smzu_"
#define TOKEN_OF_ZHOST	"smzz_"
/* Of sign-ins (core/access/sign_ins.h): a code, a session, and what its changes show besides. */
#define SIGN_IN_CODE_PREFIX    "smzc_"
#define SIGN_IN_SESSION_PREFIX "smzs_"
#define SIGN_IN_WORD_PREFIX    "smzw_"

/* A new one; the caller frees, with token_free(). */
char *token_new(const char *prefix);
/* Overwrites it first. NULL is fine. */
void token_free(char *token);
static inline void token_freep(char **token)
{
	token_free(*token);
}

/* Whether it looks like one with that prefix. */
bool token_has_form(const char *text, const char *prefix);
/* Whether it looks like one of a person or a zhost, whatever it opens. */
bool token_is_well_formed(const char *text);
/* BLAKE2b-256: the secret is random, so nothing slower is needed. */
void token_hash(const char *token, uint8_t ret_hash[TOKEN_HASH_SIZE]);
/* In constant time. */
bool token_hashes_are_equal(const uint8_t a[TOKEN_HASH_SIZE], const uint8_t b[TOKEN_HASH_SIZE]);

/* One line in a file for its owner only, in a directory that is made where it is missing; it is there as a
 * whole or not at all, also after a loss of power. */
int token_write(const char *path, const char *token, struct error **err) must_check;
/* ERR_NOT_FOUND: there is no such file; ERR_DENIED: others may read it; ERR_INVALID: it holds none.
 * The caller frees. */
int token_read(const char *path, char **ret_token, struct error **err) must_check;

#endif
