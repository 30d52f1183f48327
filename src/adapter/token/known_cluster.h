/*
 * Clusters on this machine that belong to this user: where their tokens are, by their addresses. So
 * programs of the same user need to be told neither.
 *
 *   $XDG_STATE_HOME/samoza/clusters/127.0.0.1:7331      one line: the path of the file with the token
 *
 * Source: [machines.anonymous.loopback].
 */
#ifndef SAMOZA_ADAPTER_TOKEN_KNOWN_CLUSTER_H
#define SAMOZA_ADAPTER_TOKEN_KNOWN_CLUSTER_H

#include "base/error.h"

/* `address`: "127.0.0.1:7331". */
int known_cluster_note(const char *address, const char *token_file,
		       struct error **err) must_check;
/* Nothing where it is not noted. */
void known_cluster_forget(const char *address);
/* The path that is noted for `address`, or NULL. The caller frees. */
char *known_cluster_file(const char *address);

/*
 * The token with which a program begins, for the zrms at `url` ("http://127.0.0.1:7331"): that of `file`
 * where one is given, else $SAMOZA_TOKEN, else that of a cluster that is noted. *ret_token NULL: none is
 * known, which is no error. The caller frees, with token_free().
 */
int known_token(const char *url, const char *file, char **ret_token,
		struct error **err) must_check;

#endif
