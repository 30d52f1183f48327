/*
 * The keys with which secrets are sealed (libsodium): the one of now, and while values are sealed again the one before.
 *
 *   file     samoza-secret-keys 1 │ ID KEY MADE │ ...          text, a line each, the newest first (MADE: ms since 1970); 0600
 *   or       samoza-secret-keys 1 sealed │ SALT NONCE LINES    the same lines, sealed with a passphrase (Argon2id)
 *
 *   value    nonce │ XChaCha20-Poly1305( value )               with name, pattern and version as additional data: what
 *                                                               stands in the store under one name or for one pattern
 *                                                               cannot be opened as anything else
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ADAPTER_SECRET_KEYS_H
#define SAMOZA_ADAPTER_SECRET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SECRET_KEY_ID_CHARS 16 /* hexadecimal digits */
#define SECRET_KEYS_MAX	    8 /* two while values are sealed again; more where that was cut off */

/* In memory of its own, which is locked and wiped. */
struct secret_keys;

/* One key, by chance. */
struct secret_keys *secret_keys_new(void);
struct secret_keys *secret_keys_copy(const struct secret_keys *keys);
/* A new one that is the first; those that there are stay beside. Also where the clock went back it is newer than these. PRE: there
 * are fewer than SECRET_KEYS_MAX. */
void secret_keys_add(struct secret_keys *keys);
/* Of `from`, in its place: the newest is the first, so that one from before, as a restored store needs it, opens and never seals.
 * False: it is there already, or in neither, or there is no room. */
bool secret_keys_take(struct secret_keys *keys, const struct secret_keys *from, const char *id);
/* All of `from`, each in its place. False: there was no room for one. */
bool secret_keys_unite(struct secret_keys *keys, const struct secret_keys *from);
bool secret_keys_has_all(const struct secret_keys *keys, const struct secret_keys *of);
/* False: there is none of that id. */
bool secret_keys_drop(struct secret_keys *keys, const char *id);
bool secret_keys_has(const struct secret_keys *keys, const char *id);
size_t secret_keys_count(const struct secret_keys *keys);
/* The first one, at 0, is the one of now. */
const char *secret_keys_id(const struct secret_keys *keys, size_t at);
/* Wipes them. NULL is fine. */
void secret_keys_free(struct secret_keys *keys);
void secret_keys_freep(struct secret_keys **keys);

/* What the file holds; secret_wipe() and free, or secret_text_freep(). `passphrase` NULL: it is not sealed. ERR_LIMIT: no memory for
 * a key of the passphrase (64 MiB). */
int secret_keys_write(const struct secret_keys *keys, const char *passphrase, char **ret_text,
		      struct error **err) must_check;
/* ERR_DENIED: it is sealed, and `passphrase` is NULL, or not the one. ERR_INVALID: it is no such file. */
int secret_keys_read(const char *text, size_t size, const char *passphrase,
		     struct secret_keys **ret_keys, struct error **err) must_check;

/* What a value is bound to. */
struct secret_label {
	const char *name, *topologies;
	uint64_t number;
};

/* With the first key; *ret_size: SECRET_OVERHEAD more than `size`. The caller frees. */
#define SECRET_OVERHEAD 40
uint8_t *secret_seal(const struct secret_keys *keys, const struct secret_label *label,
		     const void *value, size_t size, size_t *ret_size);
/* With the key of that id. The caller wipes it (secret_wipe()) and frees it; a zero byte stands after it. ERR_NOT_FOUND: that
 * key is not here. ERR_INVALID: it was changed, or is of another label. */
int secret_open(const struct secret_keys *keys, const char *id,
		const struct secret_label *label, const void *sealed, size_t size,
		char **ret_value, size_t *ret_size, struct error **err) must_check;

/* What shows whether data is the same to who has the first key, and tells nobody else anything about it. `use`: what for; marks
 * of different uses have nothing to do with each other. PRE: there is a key. */
#define SECRET_MARK_BYTES 32
void secret_keys_mark(const struct secret_keys *keys, const char *use, const void *data,
		      size_t size, uint8_t ret_mark[SECRET_MARK_BYTES]);

/* So that the compiler does not leave it out. NULL is fine. */
void secret_wipe(void *data, size_t size);
void secret_text_freep(char **text);

#endif
