/*
 * The word that lets a machine join: it is shown once.
 *
 *   smz2.ID.SECRET.PIN[+PIN].ADDRESS[,ADDRESS].SUM   the pins say whom the machine may believe
 *
 * Tokens of users are in adapter/token. A secret has 32 random bytes, written as 43 characters of base64url, and so have pins; addresses
 * ("10.0.0.5:7331") are written as base64url, too. A cluster keeps only the hash of a secret: what can be
 * guessed is 256 bits, so it needs no salt and no slow hash. The sum has 24 bits of SHA-256 of all that comes before its dot, as 4
 * characters of base64url: a word that was not copied whole is refused, and does not become one with another
 * port. Words that begin with smz1 had none.
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

struct token_hash {
	uint8_t bytes[TOKEN_HASH_BYTES];
};

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
/* ERR_INVALID, ERR_UNSUPPORTED (of another version): the message says what is wrong with the word, and never
 * shows it. Spaces and line ends around it are no mistake. */
int join_token_read(const char *text, struct join_token *ret_token,
		    struct error **err) must_check;
/* Overwrites the secret. */
void join_token_done(struct join_token *token);
struct token_hash join_token_hash(const struct join_token *token);
/* The secret as it is in the word: pki_secret_free(). */
char *join_token_secret(const struct join_token *token);
/* The hash of a secret that somebody shows. ERR_INVALID: it is none; the message never shows it. */
int join_token_secret_hash(const char *secret, struct token_hash *ret_hash,
			   struct error **err) must_check;

#endif
