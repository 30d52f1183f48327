/*
 * zhost --join TOKEN: this machine becomes a zhost of a cluster.
 *
 *   DIR/credentials/joining.pem       the key, made on this machine, before anything is asked
 *        │ POST /v1/join
 *   authorities.pem, addresses        whom to believe, and where zrms is
 *   identity.pem                      certificate and key: from here on it has joined
 *        │
 *   joined-with                       the id of the token; joining.pem is removed
 *
 * Given up or killed anywhere before the last file is there, the same command with the same token begins again, with the
 * same key, and is answered as before. When it is there, the token is needed no more.
 *
 * Source: [machines.identity.join].
 */
#ifndef SAMOZA_ZHOST_JOIN_JOIN_H
#define SAMOZA_ZHOST_JOIN_JOIN_H

#include <stdbool.h>

#include "base/error.h"

/* `word`: the token. Does nothing where `dir` has an identity of that cluster, unless it is to be replaced.
 * ERR_CONFLICT: it has one of another cluster. Errors say which side must do what. */
int join_cluster(const char *dir, const char *name, const char *word, bool replace,
		 struct error **err) must_check;

#endif
