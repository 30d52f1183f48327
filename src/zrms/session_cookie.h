/*
 * The cookie of a session: HttpOnly, SameSite=Strict, over TLS also Secure.
 *
 *   samoza-1f3a55c0=smzs_…           its name has the beginning of the cluster's id: a browser sends the cookies of
 *   __Host-samoza-1f3a55c0=smzs_…    a host to all of its ports
 *
 * Because of that a cookie alone is not enough for a change, which shows the session's word besides, in the header
 * Samoza-Session: a page of another port cannot read it.
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_ZRMS_SESSION_COOKIE_H
#define SAMOZA_ZRMS_SESSION_COOKIE_H

#include <stdint.h>

#include "adapter/http/http.h"

#define SESSION_WORD_HEADER "Samoza-Session"

/* The secret that the request shows for that cluster, or NULL; the caller frees, with token_free(). */
char *session_cookie_shown(const struct http_request *request, const char *cluster);
/* The answer sets it for so long; 0: it takes it back. */
void session_cookie_set(struct http_request *request, const char *cluster, const char *secret,
			int64_t for_ms);

#endif
