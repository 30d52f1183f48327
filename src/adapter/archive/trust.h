/*
 * Keys: which may sign, and signing. Ed25519.
 *
 *   KEY        "ed25519-secret BASE64" (the 32 bytes of the seed), mode 0600
 *   KEY.pub    "ed25519 BASE64"        (the 32 bytes of the public key)
 *
 * One line; what follows the base64 after a blank is a comment. Where it begins with `topologies=` it limits the public
 * key to names: "ed25519 BASE64 topologies=shop-*,blog". A file in which that word stands elsewhere is no key.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_TRUST_H
#define SAMOZA_ADAPTER_ARCHIVE_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KEY_BYTES	     32
#define SIGNATURE_BYTES	     64
#define KEY_TEXT_BYTES	     45 /* base64 and NUL */
#define SIGNATURE_TEXT_BYTES 89

/* A set of public keys. */
struct trust;

struct trust *trust_new(void);
/* NULL is fine. */
void trust_free(struct trust *t);
/* Adds the key of a *.pub file. ERR_INVALID: not one, or the key is there already, and only one of the two is limited. */
must_check int trust_add_file(struct trust *t, const char *path, struct error **err);
/* Adds every *.pub file of a directory, in the order of their names. A directory that does not
 * exist holds none. The first bad file is an error, and names it. */
must_check int trust_add_directory(struct trust *t, const char *directory, struct error **err);
/* PRE: it is not there with a limit. */
void trust_add_key(struct trust *t, const uint8_t key[KEY_BYTES]);
bool trust_has(const struct trust *t, const uint8_t key[KEY_BYTES]);
unsigned trust_count(const struct trust *t);
/* The set knows the key, and it is not trusted: `why`. Takes the place of what was known of it. */
void trust_refuse_key(struct trust *t, const uint8_t key[KEY_BYTES], const char *why);
/* Why that key is not trusted; NULL: nothing is known of it, or it is. Borrowed. */
const char *trust_refusal(const struct trust *t, const uint8_t key[KEY_BYTES]);
/* As trust_add_key(), limited to `names` (NULL: it is not). Takes the place of what was known of it. */
void trust_put_key(struct trust *t, const uint8_t key[KEY_BYTES], const char *names);
/* The keys in the order in which they came, 0 to trust_count() - 1. Borrowed. */
struct trust_entry {
	const uint8_t *key;
	const char *name;  /* of its first file, without `.pub`; NULL: it came from none */
	const char *names; /* as trust_names() */
};
struct trust_entry trust_at(const struct trust *t, unsigned index);
/* Patterns of the names that it is limited to, with ',' between; NULL: it is not. Of several files of one key all
 * count. Borrowed. PRE: trust_has(). */
const char *trust_names(const struct trust *t, const uint8_t key[KEY_BYTES]);
/* Of "ed25519 BASE64[ comment]", as in a file; *ret_names as trust_names(), the caller frees. ERR_INVALID. */
must_check int public_key_parse(const char *text, uint8_t ret_key[KEY_BYTES], char **ret_names,
				struct error **err);

/* A key to sign with. */
struct secret_key {
	uint8_t seed[32];
	uint8_t public_key[KEY_BYTES];
};

/* Makes a new pair and writes PATH (mode 0600) and PATH.pub. ERR_CONFLICT when either exists:
 * nothing is overwritten. */
must_check int secret_key_create(const char *path, struct error **err);
must_check int secret_key_load(const char *path, struct secret_key *ret_key,
			       struct error **err);
/* Wipes the memory. */
void secret_key_done(struct secret_key *key);
/* Base64 of the signature over `data`. */
void secret_key_sign(const struct secret_key *key, const void *data, size_t size,
		     char ret_signature[SIGNATURE_TEXT_BYTES]);

/* Whether `signature` (base64) is that of `data` by `key` (base64); *ret_key gets the decoded
 * key. ERR_INVALID: bad base64. ERR_DENIED: it is not. */
must_check int signature_verify(const char *key, const char *signature, const void *data,
				size_t size, uint8_t ret_key[KEY_BYTES], struct error **err);
void key_text(const uint8_t key[KEY_BYTES], char ret_text[KEY_TEXT_BYTES]);

#endif
