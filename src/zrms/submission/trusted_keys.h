/*
 * The keys that packages may be signed with, shared by the submissions that are checked with
 * them. Keys that are added or removed count from the next submission on.
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_TRUSTED_KEYS_H
#define SAMOZA_ZRMS_SUBMISSION_TRUSTED_KEYS_H

#include "adapter/archive/trust.h"
#include "base/error.h"

/* Not changed once it is made: a worker thread may read it while others are made. */
struct trusted_keys {
	unsigned references; /* by the loop's thread */
	struct trust *keys;
	char *stamp; /* of the directory and its files, as they were */
};

struct trusted_keys *trusted_keys_ref(struct trusted_keys *t);
/* NULL is fine. */
void trusted_keys_unref(struct trusted_keys *t);

/* Puts newer keys in the place of *keys where the directory has changed since (or *keys is
 * NULL). `files`: further ones, separated by ':', or NULL. ERR_INVALID: one cannot be read;
 * *keys stays. */
int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 struct error **err) must_check;

#endif
