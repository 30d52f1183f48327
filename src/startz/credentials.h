/*
 * The tokens of a cluster that startz starts: this user's programs find the administrator's by the address of
 * zrms, and each zhost gets one of its own.
 *
 *   DIR/zrms/credentials/local-admin ──noted──► $XDG_STATE_HOME/samoza/clusters/ADDRESS
 *              └──shown──► POST /v1/zhosts/NAME/token ──► DIR/zhosts/NAME/credentials/zhost
 */
#ifndef SAMOZA_STARTZ_CREDENTIALS_H
#define SAMOZA_STARTZ_CREDENTIALS_H

#include "adapter/client/api.h"
#include "startz/state.h"

/* An api of the zrms at `url` that shows the token of this cluster's administrator, where that zrms is of
 * this cluster; else `token_file` (NULL: none is given), or what is known. */
int credentials_api(const struct state *s, const char *url, const char *token_file,
		    struct api **ret_api, struct error **err) must_check;
/* Programs of this user find the token by the address. Says so where that cannot be noted. */
void credentials_note(const struct state *s, const char *address);
/* A new token for a zhost that is about to be started, in its directory. Where none can be had, it keeps the one
 * that it has. */
int credentials_for_zhost(const struct state *s, const char *url, const char *token_file,
			  const char *name, struct error **err) must_check;

#endif
