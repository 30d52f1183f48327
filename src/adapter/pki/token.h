/*
 * Words that are shown once and let somebody in.
 *
 *   smz1.ID.SECRET.PIN[+PIN].ADDRESS[,ADDRESS]   lets a machine join; the pins say whom it may believe
 *   smzu_SECRET                                  a user's or a program's, for `Authorization: Bearer`
 *
 * A secret has 32 random bytes, written as 43 characters of base64url, and so have pins; addresses
 * ("10.0.0.5:7331") are written as base64url, too. A cluster keeps only the hash of a secret: what can be
 * guessed is 256 bits, so it needs no salt and no slow hash.
 */
#ifndef SAMOZA_ADAPTER_PKI_TOKEN_H
#define SAMOZA_ADAPTER_PKI_TOKEN_H

#include "adapter/pki/key.h"

#define TOKEN_SECRET_BYTES  32
#define TOKEN_SECRET_TEXT   43 /* characters */
#define TOKEN_HASH_BYTES    32
#define TOKEN_ID_TEXT	    8
#define TOKEN_PINS_MAX	    8
#define TOKEN_ADDRESSES_MAX 16
#define JOIN_TOKEN_TEXT_MAX 8192
#define USER_TOKEN_PREFIX   "smzu_"
#define USER_TOKEN_TEXT	    (5 + TOKEN_SECRET_TEXT) /* characters */

struct token_hash {
	uint8_t bytes[TOKEN_HASH_BYTES];
};

/* In constant time. */
bool token_hash_equal(const struct token_hash *a, const struct token_hash *b);

/* ---- joining ---- */

struct join_token {
	char id[TOKEN_ID_TEXT + 1]; /* letters and digits; names the token where it is listed */
	uint8_t secret[TOKEN_SECRET_BYTES];
	struct pki_pin pins[TOKEN_PINS_MAX];
	size_t pin_count;
	char *addresses[TOKEN_ADDRESSES_MAX]; /* "HOST:PORT", "[::1]:7331" */
	size_t address_count;
};

/* ID and secret are drawn; pins and addresses are copied. ERR_INVALID: none of one of them, too many, or what
 * is no address. */
int join_token_new(const struct pki_pin *pins, size_t pin_count, const char *const *addresses,
		   size_t address_count, struct join_token *ret_token,
		   struct error **err) must_check;
/* The word: pki_secret_free(). */
char *join_token_write(const struct join_token *token);
/* ERR_INVALID, ERR_UNSUPPORTED (of a later version): the message says what is wrong with the word, and never
 * shows it. Spaces and line ends around it are no mistake. */
int join_token_read(const char *text, struct join_token *ret_token,
		    struct error **err) must_check;
/* Overwrites the secret. */
void join_token_done(struct join_token *token);
struct token_hash join_token_hash(const struct join_token *token);

/* ---- users and programs ---- */

/* Draws one: pki_secret_free(). */
char *user_token_new(void);
/* ERR_INVALID: it is none; the message never shows it. */
int user_token_hash(const char *text, struct token_hash *ret_hash,
		    struct error **err) must_check;

#endif
