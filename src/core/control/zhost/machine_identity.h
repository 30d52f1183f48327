/*
 * The identities of zhosts as records: written, revoked, forgotten; and what follows for a zhost from its own.
 */
#ifndef SAMOZA_CORE_CONTROL_MACHINE_IDENTITY_H
#define SAMOZA_CORE_CONTROL_MACHINE_IDENTITY_H

#include <stdbool.h>

#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"

struct control;

/* Makes or replaces it, and writes its record. */
void machine_identity_put(struct control *c, const Samoza__V1__IdentityRecord *record);
/* No key of that zhost is good any longer. False: it had none. */
bool machine_identity_revoke(struct control *c, const char *name);
/* The number of a removed name says which tokens are too old for it: with the last of them it goes, once the zhost is
 * remembered no longer. */
void machine_identity_forget(struct control *c);
/* As it counts: labels that the cluster gives are as the cluster says. The caller frees it with
 * schema_message_free(). */
Samoza__V1__ZhostSpec *machine_identity_spec(const struct control *c,
					     const Samoza__V1__ZhostSpec *claimed);
/* Whether it counts with a label that is the cluster's, and that the cluster has not given it. */
bool machine_identity_overclaims(const struct control *c, const Samoza__V1__ZhostSpec *taken);
/* Events of "zhost/NAME", "join-token/ID". */
void machine_identity_event(struct control *c, const char *of, const char *name,
			    const char *from, const char *to, const char *cause);
void machine_identity_asked(struct control *c, const char *of, const char *name,
			    const char *from, const char *to);

#endif
