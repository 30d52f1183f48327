/*
 * Machines that join, renew their certificate and are removed: what follows from core/access/join.h and
 * identity.h. A use of a token is counted in the batch that records the key; the certificate is issued
 * when that is durable, so a crash between them leaves a machine that asks again.
 *
 * Source: [machines.identity].
 */
#ifndef SAMOZA_CORE_CONTROL_JOIN_REQUEST_H
#define SAMOZA_CORE_CONTROL_JOIN_REQUEST_H

#include <stdbool.h>

#include "core/control/state/input.h"

struct control;

void token_request(struct control *c, const struct control_input *input);
/* The answer is the identity (control_identity()). */
void join_request(struct control *c, const struct control_input *input);
void renew_request(struct control *c, const struct control_input *input);

/* A HELLO of `who` (NULL: the system itself), who has proved `key` (NULL: its link asked for none): false: it was refused.
 * Source: [machines.identity.removal]. */
bool join_admits(struct control *c, uint64_t link_id, const struct principal *who,
		 const Samoza__V1__Hello *hello, const uint8_t *key,
		 const struct control_certified *certified);
/* Whether that machine is let in though the store does not know its key: by a certificate that it has forgotten. */
bool join_remembers(const struct control *c, const char *name, const uint8_t *key,
		    const struct control_certified *certified);

#endif
