#include "zrms/members.h"

#include "base/str.h"
#include "zrms/zrms.h"

struct member_route {
	const char *operation;
	bool is_for_leader;
	bool is_for_expired; /* within the time in which a machine that was away is let in again */
};

static const struct member_route *route_of(const struct http_route *route)
{
	static const struct member_route routes[] = {
		{.operation = "getArtifact"},
		{.operation = "holdArtifacts"},
		{.operation = "getHistory"},
		{.operation = "getRecording"},
		{.operation = "listArtifacts", .is_for_leader = true},
		{.operation = "renewZrms", .is_for_leader = true, .is_for_expired = true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (str_equal(route->operation, routes[i].operation))
			return &routes[i];
	return NULL;
}

bool members_admit(struct zrms *zrms, const struct http_request *request,
		   const struct http_route *route)
{
	const struct stream_peer *peer = http_peer(request);
	const struct member_route *asked = route_of(route);
	return asked != NULL && zrms->copies != NULL && str_equal(peer->role, "zrms") &&
	       listening_admit(zrms, peer, NULL) == 0 &&
	       (asked->is_for_expired || peer->expires_wall_ms > loop_now(&zrms->loop).wall_ms);
}

bool members_ask_leader(const struct http_route *route)
{
	const struct member_route *asked = route_of(route);
	return asked != NULL && asked->is_for_leader;
}
