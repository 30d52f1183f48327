/*
 * The keys that packages may be signed with, shared by the submissions that are checked with
 * them. Keys that are added or removed count from the next submission on.
 *
 *   files of the directory ──► trusted_keys_tell() ──► core ──► signing_keys ──┐
 *            │                                                                 ├──► keys
 *            └─────────────────────────────────────────────────────────────────┘
 *
 * The core decides once more when the submission comes to it: this is so that what is refused costs little.
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_TRUSTED_KEYS_H
#define SAMOZA_ZRMS_SUBMISSION_TRUSTED_KEYS_H

#include "adapter/archive/trust.h"
#include "base/error.h"
#include "core/access/signing_keys.h"

/* Not changed once it is made: a worker thread may read it while others are made. */
struct trusted_keys {
	unsigned references; /* by the loop's thread */
	struct trust *keys;
	struct trust *files; /* of them, those that are in files */
	char *stamp;	     /* of the directory and its files, as they were */
	uint64_t changes;    /* signing_keys.changes */
};

struct trusted_keys *trusted_keys_ref(struct trusted_keys *t);
/* NULL is fine. */
void trusted_keys_unref(struct trusted_keys *t);

/* Puts newer keys in the place of *keys where the directory has changed since, or what the cluster has recorded (or *keys
 * is NULL). `files`: further ones, separated by ':', or NULL. `recorded` NULL: there are none. ERR_INVALID: one cannot be
 * read; *keys stays. */
int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 const struct signing_keys *recorded, struct error **err) must_check;
/* What the files say, for the core: `tell` borrows it for the call. */
void trusted_keys_tell(const struct trusted_keys *keys,
		       void (*tell)(void *user, Samoza__V1__SigningKeyRecord *const *files,
				    size_t count),
		       void *user);

#endif
