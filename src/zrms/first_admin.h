/*
 * The first administrator, a user `admin`: `zrms init` prints the token, and leaves its hash in
 * DIR/credentials/first-admin until zrms has taken it into its store.
 */
#ifndef SAMOZA_ZRMS_FIRST_ADMIN_H
#define SAMOZA_ZRMS_FIRST_ADMIN_H

#include "base/error.h"

#define FIRST_ADMIN "admin" /* the user's name */

struct zrms;

/* Draws the token; token_free(). Its hash is durable. */
int first_admin_make(const char *dir, char **ret_token, struct error **err) must_check;
/* Hands the hash to the core; the file goes when that is durable. Nothing where there is none. */
void first_admin_take(struct zrms *zrms);

#endif
