/*
 * The credentials of the cluster: whose they are, and what that one may do. A credential is a secret that
 * its owner keeps; here is only its hash.
 *
 *   secret ──hash──► by_hash ──► credential ──► principal
 *                                    ▲
 *   "user/ann", "zhost/edge-1" ──► by_id
 *   epoch of a copy ──► by_epoch ──► to_review
 *
 * One that is past its end is found no longer. Records are written by the caller.
 */
#ifndef SAMOZA_CORE_ACCESS_CREDENTIALS_H
#define SAMOZA_CORE_ACCESS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "core/access/access.h"
#include "proto/record.pb-c.h"

#define CREDENTIAL_HASH_SIZE 32

struct credential {
	UT_hash_handle by_id, by_hash, by_epoch;
	struct credential *next, *prev; /* in to_review */
	bool is_to_review;
	char *id; /* "user/NAME", "zhost/NAME", "space/TOPOLOGY/PATH@EPOCH" */
	struct principal *principal;
	Samoza__V1__InstanceKey *copy; /* of an instance: which copy shows it; NULL */
	bool is_over; /* of an instance: the process that showed it has ended; by its hash nobody is found */
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	int64_t created_ms, expires_ms; /* wall clock; 0: it does not expire */
	int64_t last_used_ms;		/* about; 0: it was not */
	char *created_by;
};

struct credentials {
	struct credential *by_id, *by_hash;
	struct credential *by_epoch;  /* those of copies */
	struct credential *to_review; /* of those: what shows them may have ended */
	uint64_t reviews;	      /* so far */
};

void credentials_done(struct credentials *all);
/* "user/NAME" or "zhost/NAME", by the role; the caller frees. */
char *credential_id(enum access_role role, const char *name);
/* The same of what a record is of. */
char *credential_record_id(const Samoza__V1__CredentialRecord *record);
/* Makes one, or replaces the one with its id. ERR_INVALID for a record that is none. */
int credentials_put(struct credentials *all, const Samoza__V1__CredentialRecord *record,
		    struct error **err) must_check;
void credentials_remove(struct credentials *all, struct credential *credential);
/* The copy of that epoch has changed: its credential, if it has one, is to be reviewed. One that was just put is, too. */
void credentials_review(struct credentials *all, uint64_t epoch);
/* Takes one that is to be reviewed, in any order; NULL: none is. */
struct credential *credentials_take_review(struct credentials *all);
/* The process that showed it has ended. The caller writes the record. */
void credentials_end_process(struct credentials *all, struct credential *credential);
/* That of the copy of that epoch; NULL: it has none. */
struct credential *credentials_find_copy(const struct credentials *all, uint64_t epoch);
/* NULL: there is none. */
struct credential *credentials_find(const struct credentials *all, const char *id);
/* The one whose secret has that hash, unless it is over at `wall_ms`; NULL. */
struct credential *credentials_find_hash(const struct credentials *all,
					 const uint8_t hash[CREDENTIAL_HASH_SIZE],
					 int64_t wall_ms);
/* A use is noted so seldom. */
#define CREDENTIAL_USE_MS (INT64_C(3600) * 1000)
/* Whether a use at that time is to be noted. */
bool credential_use_is_new(const struct credential *credential, int64_t wall_ms);
/* By id, in order; ends with NULL. The caller frees the list. */
struct credential **credentials_sorted(const struct credentials *all);
/* What is kept on disk; the caller frees. */
Samoza__V1__CredentialRecord *credential_record(const struct credential *credential);

#endif
