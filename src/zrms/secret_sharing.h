/*
 * Which of the zrms that stand by have the key with which secrets are sealed: each says so when it asks (member_identity.h).
 *
 * Source: [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_SECRET_SHARING_H
#define SAMOZA_ZRMS_SECRET_SHARING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret_member;
struct zrms;

struct secret_sharing {
	struct zrms *zrms;
	struct secret_member *members;
	int64_t rekeyed_ms; /* monotonic clock */
};

void secret_sharing_done(struct secret_sharing *sharing);
/* The first key is another one since now, or this zrms leads since now. */
void secret_sharing_rekeyed(struct secret_sharing *sharing);
/* They have had time to get it. */
bool secret_sharing_is_late(const struct secret_sharing *sharing);
/* The zrms of that name has these. */
void secret_sharing_note(struct secret_sharing *sharing, const char *name, char *const *ids,
			 size_t count);
/* NULL: all that are there have the first key; otherwise the names of the others, "b, c". The caller frees. PRE: there is a key. */
char *secret_sharing_lacking(const struct secret_sharing *sharing);
/* How many these are. PRE: there is a key. */
unsigned secret_sharing_lacking_count(const struct secret_sharing *sharing);

#endif
