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
 * A store that was restored from a backup has forgotten which keys came after it. A certificate says when it was issued, and is
 * of the cluster's own authority: one that was issued between backup and restore is taken for a name that the store knows, and
 * each later one of these takes the place of the earlier. So a copy of a former key gets in no more than before, and what had
 * been removed by then stays out.
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
/* So long after a restore what was forgotten is taken: as long as a certificate that has run out is renewed. */
#define IDENTITY_FORGOTTEN_MS (INT64_C(90) * 24 * 3600 * 1000)

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
/* The store goes on from a backup of that time, since that time; wall clock. */
void identity_forgot(struct identity *identity, int64_t after_ms, int64_t until_ms);
/* Whether a certificate of that name, issued then (0: not known), may be a newer one that the store has forgotten. */
bool identities_may_have_forgotten(const struct identities *all, const char *name,
				   int64_t issued_wall_ms, int64_t wall_ms);
/* It has proved itself with the key of such a one: no other key is good any more. */
void identity_remembered(struct identity *identity, const uint8_t key[IDENTITY_KEY_SIZE],
			 int64_t issued_wall_ms, int64_t expires_ms);
/* Whether the cluster gives labels of that name, to whatever machine. */
bool identities_own_label(const struct identities *all, const char *label);

#endif
