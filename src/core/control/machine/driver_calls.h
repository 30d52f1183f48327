/*
 * Asks a driver something about a machine. The call goes out when the batch is durable; what it came to is
 * an input. There is at most one call for a machine at a time, and none is repeated by itself: who dies
 * in between asks for the status after its start.
 *
 * A machine is created with a token for its name alone, which is recorded in the same batch. Only zrms'
 * process knows its secret: after a start of zrms a further creation is with another token, and both are
 * good until they expire, because the machine may have been given either.
 */
#ifndef SAMOZA_CORE_CONTROL_DRIVER_CALLS_H
#define SAMOZA_CORE_CONTROL_DRIVER_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/control/state/state.h"

/* How long a token for a machine is good. */
#define MACHINE_TOKEN_MS (INT64_C(60) * 60 * 1000)
/* Of one machine, so many tokens are known: an older one is revoked. */
#define MACHINE_TOKENS_MAX 4

/* The place of that driver in the settings; -1: there is none of that name. */
int driver_find(const struct control *c, const char *name);
/* Their names, for messages; the caller frees. */
char *driver_names(const struct control *c);

/* PRE: no call for it is under way. `token`: id and hash of a new one. */
void driver_call_create(struct control *c, struct made_zhost *m,
			const Samoza__V1__JoinTokenRecord *token);
/* Status or destroy. PRE: the same. */
void driver_call(struct control *c, struct made_zhost *m, enum driver_operation operation);
/* What it keeps. PRE: no such call of it is under way. */
void driver_call_list(struct control *c, int driver);
/* The machine is gone, or has joined for good: none of its tokens is good any longer. */
void driver_tokens_drop(struct control *c, struct made_zhost *m);

#endif
