/*
 * Who asks: each request shows a token, and is one of these.
 *
 *   Authorization: Bearer smzu_…  ──hash──┬─► that of DIR/credentials/local-admin: the administrator of
 *                                         │                                       this machine
 *                                         ├─► a credential that the core knows ──► its principal
 *                                         └─► nobody: 401
 *   no token, and a certificate of a zhost ─► that zhost
 *
 * What a route needs stands in its table (api_routes.c); the core asks once more (core/control/access_check.h).
 */
#ifndef SAMOZA_ZRMS_ACCESS_H
#define SAMOZA_ZRMS_ACCESS_H

#include "adapter/http/http.h"
#include "core/access/access.h"
#include "core/access/credentials.h"

struct zrms;

struct access {
	struct principal local_admin;
	uint8_t local_admin_hash[CREDENTIAL_HASH_SIZE];
};

/* The token of this machine's administrator, DIR/credentials/local-admin: made where it is missing. */
int access_open(struct access *access, const char *dir, struct error **err) must_check;

/* For http_options.admit. */
struct http_refusal access_admit(void *context, struct http_request *request,
				 const struct http_route *route);
/* Who asks, as it was when the request came; it lives as long as the request. */
const struct principal *access_principal(const struct http_request *request);
/* Who may read only some names, for what is read: NULL where nothing is hidden from it. */
const struct principal *access_reader(const struct http_request *request);
/* Whether values that a topology was given (exports, imports) and logs are hidden from who asks. */
bool access_hides_values(const struct http_request *request);

#endif
