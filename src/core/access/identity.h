/*
 * Which key a zhost proves its name with. A machine makes a key when it joins (join.h), and another one
 * each time its certificate is renewed. A certificate says who; whether that one belongs to the cluster
 * is asked here, at the end of each handshake.
 *
 *            joined        renewed            the new one is used
 *   (none) ────────► A ────────────► B, or A ─────────────────────► B
 *                    │                                              │
 *                    └───────────── removed: no key at all ◄────────┘
 *
 * A key that a machine was given and may not have stored yet never ends the one with which it asked. That
 * stays the previous one until the new one is used, also when the machine asks again.
 *
 * Of one that was removed only the number is kept, for as long as a token is: an older token is not fresh
 * for its name.
 *
 * Labels that came with a token are the cluster's: no machine has them by claiming them.
 *
 * Source: [machines.identity.renewal], [machines.identity.removal], [machines.identity.token].
 */
#ifndef SAMOZA_CORE_ACCESS_IDENTITY_H
#define SAMOZA_CORE_ACCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/record.pb-c.h"

#define IDENTITY_KEY_SIZE 32 /* SHA-256 of the public key */

struct identity {
	UT_hash_handle hh;
	Samoza__V1__IdentityRecord *record; /* what is kept on disk */
};

struct cluster_label;

struct identities {
	struct identity *by_name;
	struct cluster_label *labels; /* names of those that the cluster has given */
};

void identities_done(struct identities *all);
/* Makes one, or replaces the one with its name. Copies. ERR_INVALID for a record that is none. */
int identities_put(struct identities *all, const Samoza__V1__IdentityRecord *record,
		   struct error **err) must_check;
void identities_remove(struct identities *all, struct identity *identity);
/* Also one that was removed. NULL: there is none. */
struct identity *identities_find(const struct identities *all, const char *name);
/* By name, in order; ends with NULL. The caller frees the list. */
struct identity **identities_sorted(const struct identities *all);

bool identity_is_removed(const struct identity *identity);
/* Whether that name is proved by that key: the current one, or the previous one. */
bool identities_admit(const struct identities *all, const char *name,
		      const uint8_t key[IDENTITY_KEY_SIZE]);

/* One that proves itself with `own` gets `key`, with a certificate of the generation `issued` (authorities.h). PRE: it is
 * admitted with `own`. False: it has it already. */
bool identity_renew(struct identity *identity, const uint8_t own[IDENTITY_KEY_SIZE],
		    const uint8_t key[IDENTITY_KEY_SIZE], int64_t expires_ms, uint64_t issued);
/* AuthoritiesRecord.generation of the certificate with which it certainly proves itself. */
uint64_t identity_issued(const struct identity *identity);
/* It has proved itself with that one. True: this ends the previous key. */
bool identity_used(struct identity *identity, const uint8_t key[IDENTITY_KEY_SIZE]);
/* Whether the cluster gives labels of that name, to whatever machine. */
bool identities_own_label(const struct identities *all, const char *label);

#endif
