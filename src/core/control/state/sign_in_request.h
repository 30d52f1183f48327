/*
 * Requests that make codes, sign in with them or with a token, and end sessions (core/access/sign_ins.h).
 *
 * Who signs in with a code is nobody yet: the code is the proof. It is used, and the session made, in one commit.
 */
#ifndef SAMOZA_CORE_CONTROL_SIGN_IN_REQUEST_H
#define SAMOZA_CORE_CONTROL_SIGN_IN_REQUEST_H

#include "core/access/credentials.h"
#include "core/control/state/input.h"

struct control;

void sign_in_request(struct control *c, const struct control_input *input);
/* That credential is good no longer: neither is what was made with it. */
void sign_ins_end_of(struct control *c, const uint8_t credential[CREDENTIAL_HASH_SIZE]);

#endif
