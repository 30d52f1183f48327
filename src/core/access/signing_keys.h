/*
 * Whose packages are accepted. A key is known from two sides:
 *
 *   recorded   by a request: all that the cluster knows of it, also that it was removed
 *   in files   that somebody has laid into zrms' directory; zrms tells what they say
 *
 *      added ──► trusted ──► removed ──► added again
 *                               └─ what it has signed and runs goes on
 *
 * A record has the last word on its key. So a key that was removed stays so, though a file of it is still there, and
 * what was signed by it is called so for as long as it runs.
 *
 * Source: [machines.people.roles].
 */
#ifndef SAMOZA_CORE_ACCESS_SIGNING_KEYS_H
#define SAMOZA_CORE_ACCESS_SIGNING_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/record.pb-c.h"

#define SIGNING_KEY_SIZE 32
/* Recorded ones: those that were removed, too. */
#define SIGNING_KEYS_MAX 4096

struct signing_key {
	UT_hash_handle hh;
	uint8_t key[SIGNING_KEY_SIZE];
	Samoza__V1__SigningKeyRecord *record; /* what is kept on disk */
};

struct signing_keys {
	struct signing_key *recorded, *in_files; /* by key */
	uint64_t changes;			 /* of those that are recorded, so far */
};

void signing_keys_done(struct signing_keys *all);
/* Makes the record of a key, or replaces it. Copies. ERR_INVALID for a record that is none. */
int signing_keys_put(struct signing_keys *all, const Samoza__V1__SigningKeyRecord *record,
		     struct error **err) must_check;
/* These are all that files have; one that is none is left out. Copies. */
void signing_keys_set_files(struct signing_keys *all,
			    Samoza__V1__SigningKeyRecord *const *files, size_t count);
/* What is known of a key, by the record if there is one; NULL: nothing. */
const Samoza__V1__SigningKeyRecord *signing_keys_find(const struct signing_keys *all,
						      const uint8_t key[SIGNING_KEY_SIZE]);
/* The trusted one of that name, a recorded one first; NULL: there is none. */
const Samoza__V1__SigningKeyRecord *signing_keys_named(const struct signing_keys *all,
						       const char *name);
/* Both kinds, by name and key; of one that is recorded the file is left out. Ends with NULL; the caller frees the list. */
const struct signing_key **signing_keys_sorted(const struct signing_keys *all);
bool signing_key_is_trusted(const Samoza__V1__SigningKeyRecord *record);
bool signing_key_signs(const Samoza__V1__SigningKeyRecord *record, const char *topology);
/* Whether a package of that name, signed by that key, is accepted; ERR_DENIED says why not. */
int signing_keys_check(const struct signing_keys *all, const uint8_t key[SIGNING_KEY_SIZE],
		       const char *topology, struct error **err) must_check;
/* In hexadecimal digits; the caller frees. */
char *signing_key_id(const uint8_t key[SIGNING_KEY_SIZE]);

#endif
