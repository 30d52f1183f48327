/*
 * Whether a machine may join: it shows a token, the name that it wants, and a key that it has made.
 *
 *   token known, secret right? ──no──► refused
 *     │ yes
 *   has this name that key by this token? ──yes──► the same answer as before; no use is counted
 *     │ no
 *   in time, not used up, name fits? ──no──► refused
 *     │ yes
 *   is the name known? ──yes──► a token made since then, and replace? ──no──► refused
 *     │ no                        │ yes
 *     └──────────────► joins: one use, and the key, in one commit
 *
 * Who asks again with the same key is answered also when the token is used up or has expired since: it
 * was this machine that used it, and only the answer was lost.
 *
 * Source: [machines.identity.token], [machines.identity.join].
 */
#ifndef SAMOZA_CORE_ACCESS_JOIN_H
#define SAMOZA_CORE_ACCESS_JOIN_H

#include "core/access/identity.h"
#include "core/access/join_tokens.h"

/* Borrowed. */
struct join_request {
	const char *token; /* id */
	uint8_t secret[JOIN_TOKEN_HASH_SIZE];
	const char *name;
	uint8_t key[IDENTITY_KEY_SIZE];
	bool replace;
	int64_t expires_ms; /* wall clock: of the certificate that it is to get */
};

enum join_decision {
	JOIN_GRANTED,
	JOIN_REPEATED, /* it has joined already, with this key */
};

/* `is_known`: there is a zhost of that name that did not join with a token. ERR_DENIED, ERR_CONFLICT (the
 * name), ERR_INVALID: what to do is in the message. */
int join_decide(const struct join_tokens *tokens, const struct identities *identities,
		const struct join_request *request, bool is_known, int64_t wall_ms,
		enum join_decision *ret_decision, struct error **err) must_check;

#endif
