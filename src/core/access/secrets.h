/*
 * Secrets: values that spaces of some topologies get, and nobody can read here. The core has them sealed alone
 * (adapter/seal), and decides who gets which.
 *
 *      (none) ──set──► version 1 ──set──► versions 2, 1 ──set──► versions 3, 2 ──remove──► (none)
 *                                                                      set ──► version 4
 *
 * The two newest versions are kept: a process may be starting with the one before. No number is used twice, also not
 * after a removal: a process that has an older value must not look as if it had the one of now.
 *
 * A name is one secret in the whole cluster; the pattern says which topologies may use it, and is sealed with the value.
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_ACCESS_SECRETS_H
#define SAMOZA_CORE_ACCESS_SECRETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/record.pb-c.h"

#define SECRETS_MAX	    1000
#define SECRETS_LIMITED_MAX 100 /* for topologies of who is limited to names of these */
#define SECRET_VERSIONS	    2
/* Of a value; and of what is sealed, which has a nonce and a tag, too. */
#define SECRET_MAX_BYTES	((size_t)32 * 1024)
#define SECRET_SEALED_MAX_BYTES (SECRET_MAX_BYTES + 128)
#define SECRET_NAME_EXPECTED	"1 to 63 characters of a-z, 0-9 and '-', no '-' at the ends"

struct secret {
	UT_hash_handle hh;
	Samoza__V1__SecretRecord *record; /* what is kept on disk */
	char number[24];		  /* of its newest version, as text */
};

struct secrets {
	struct secret *by_name;
	uint64_t
		floor; /* no number up to this is given again: of versions that were removed, or lost with a store of later */
};

bool secret_name_is_valid(const char *name);

void secrets_done(struct secrets *all);
/* Makes the record of a secret, or replaces it. Copies. ERR_INVALID for a record that is none. */
int secrets_put(struct secrets *all, const Samoza__V1__SecretRecord *record,
		struct error **err) must_check;
/* It is gone; the number of its newest version is not used again. Nothing where there is none. */
void secrets_remove(struct secrets *all, const char *name);
/* NULL: there is none of that name. Borrowed until the next change. */
const Samoza__V1__SecretRecord *secrets_find(const struct secrets *all, const char *name);
/* The number of its newest version, as text, where topologies of that name may have it; NULL: they get none of that name.
 * Borrowed until the next change. */
const char *secrets_number_for(const struct secrets *all, const char *name,
			       const char *topology);
/* The number of the version that is set next. */
uint64_t secrets_next(const struct secrets *all, const char *name);
/* The store is one of before: what was set after it had at most `gap` numbers more. */
void secrets_skip(struct secrets *all, uint64_t gap);
/* By name. Ends with NULL; the caller frees the list. */
const struct secret **secrets_sorted(const struct secrets *all);

/* For what leaves the cluster's own store: what is sealed becomes its fingerprint. Once is as good as twice. PRE: the
 * record is on the heap (schema/message.h). */
void secret_mask(Samoza__V1__SecretRecord *record);

#endif
