/*
 * Asks zrms to let this machine join: POST /v1/join at each address of a token in turn, believing whom the token names.
 */
#ifndef SAMOZA_ZHOST_JOIN_ASK_H
#define SAMOZA_ZHOST_JOIN_ASK_H

#include "adapter/pki/token.h"
#include "proto/view.pb-c.h"

/* Blocks until there is an answer. `key`: the machine's. *ret_view: the caller frees. Errors say which of the two
 * sides must do what. ERR_UNAVAILABLE: none of the addresses is reached. */
int join_ask(const struct join_token *token, const char *name, bool replace,
	     const struct pki_key *key, Samoza__V1__JoinView **ret_view,
	     struct error **err) must_check;

#endif
