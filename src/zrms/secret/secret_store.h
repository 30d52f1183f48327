/*
 * Values of secrets in zrms: sealed in the records of the core (core/access/secrets.h), opened here alone, with the keys of
 *
 *   DIR/credentials/secrets.key     0600, sealed with a passphrase where one was given (secret_passphrase.h)
 *
 * The file is written before anything is sealed with a key of it, and a key leaves it when no durable record names it.
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZRMS_SECRET_STORE_H
#define SAMOZA_ZRMS_SECRET_STORE_H

#include <stdbool.h>

#include "adapter/secret/secret_keys.h"
#include "core/access/secrets.h"
#include "proto/record.pb-c.h"

#define SECRET_KEYS_FILE "credentials/secrets.key"

struct secret_vault {
	char *path;		  /* DIR/credentials/secrets.key */
	char *passphrase;	  /* NULL: the file is not sealed */
	struct secret_keys *keys; /* NULL: there are none on this machine */
	bool is_unsure;		  /* a write failed: what the file has is not known */
};

/* Reads the file where there is one. From now on this program makes no core dump. ERR_DENIED: it is sealed, and not with the passphrase, or others may read it. ERR_INVALID: it
 * is no such file. `passphrase`: copied; NULL: none. */
int secret_vault_open(const char *dir, const char *passphrase, struct secret_vault **ret_vault,
		      struct error **err) must_check;
/* Wipes it. NULL is fine. */
void secret_vault_free(struct secret_vault *vault);
void secret_vault_freep(struct secret_vault **vault);

/* These are the keys from now on, and the file has them. After an error the keys in memory are those of before, and the file has
 * these or those: secret_vault_settle(). */
int secret_vault_keep(struct secret_vault *vault, struct secret_keys *take_keys,
		      struct error **err) must_check;
/* The file has the keys in memory: written again after a write that failed. PRE of sealing, and of saying to others what is here. */
int secret_vault_settle(struct secret_vault *vault, struct error **err) must_check;
/* The file once more, as somebody may have laid another one there: its keys come to those in memory, and it gets all of them, so that
 * none is lost. *ret_new: it had one that was not here, also where it cannot be written. Errors: it cannot be read or written, or
 * there are too many (ERR_LIMIT). */
int secret_vault_look(struct secret_vault *vault, bool *ret_new, struct error **err) must_check;

/* A value, as it was set: of that name, in that version of the durable record. The caller wipes it (secret_wipe()) and frees it; a
 * zero byte stands after it. ERR_NOT_FOUND: its key is not on this machine. ERR_INVALID: the record was changed. */
int secret_open_value(const struct secret_vault *vault, const char *name,
		      const Samoza__V1__SecretVersion *version, char **ret_value,
		      size_t *ret_size, struct error **err) must_check;
/* Seals a value as that version: its number and pattern are there, `sealed` and `key` are set. The caller frees both.
 * PRE: there is a key. */
void secret_seal_value(const struct secret_vault *vault, const char *name, const void *value,
		       size_t size, Samoza__V1__SecretVersion *version);

/* Ids of keys that records name: of all versions, each once; ends with NULL. The caller frees the list, not the ids. */
const char **secret_keys_needed(const struct secrets *all);
/* Whether the key of that id is there. */
bool secret_vault_has(const struct secret_vault *vault, const char *id);
/* How many keys records name that are not there. */
unsigned secret_vault_missing(const struct secret_vault *vault, const struct secrets *all);

#endif
