/*
 * What zrms that share a store may ask of each other, whom they know by their certificates, whose role is zrms:
 *
 *   of each      GET /v1/artifacts/sha256/…          artifacts (copies.h)
 *                GET /v1/history                     events (own_history.h)
 *                GET /v1/cluster/recording           what it has recorded (api_recording.c)
 *   of a standby POST /v1/artifacts                  the same
 *   of the leader GET /v1/artifacts                  the same
 *                POST /v1/cluster/zrms/identity      whom the cluster trusts, and a certificate (member_identity.h)
 *
 * Source: [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_MEMBERS_H
#define SAMOZA_ZRMS_MEMBERS_H

#include "adapter/http/http.h"

struct zrms;

/* Whether who asks has shown the certificate of a zrms of this cluster, and the route is for these, too. */
bool members_admit(struct zrms *zrms, const struct http_request *request,
		   const struct http_route *route);
/* Of such a route: whether the leader alone can answer it. */
bool members_ask_leader(const struct http_route *route);

#endif
