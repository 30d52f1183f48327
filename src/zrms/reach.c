#include "zrms/reach.h"

#include "base/str.h"
#include "zrms/api.h"
#include "zrms/api_routes.h"
#include "zrms/certain.h"
#include "zrms/closed.h"
#include "zrms/descriptors.h"
#include "zrms/directory.h"
#include "zrms/zrms.h"

static int http_open(struct zrms *zrms, struct error **err)
{
	/* They live as long as the server, which is as long as the process. */
	zrms->spool = str_printf("%s/spool", zrms->settings.dir);
	zrms->socket = str_printf("%s/api.sock", zrms->settings.dir);
	struct http_options options = {
		.address = zrms->settings.local.host,
		.port = zrms->settings.local.port,
		.socket = zrms->socket,
		.context = zrms,
		.error_body = api_error_body,
		.admit = access_admit,
		.begins = certain_begins,
		.refused = access_refused,
		.body = request_key_body,
		.spool_dir = zrms->spool,
		.loopback_only = true,
		.connections_max = descriptors_connections(descriptors_now()),
		.upgrades_max = descriptors_links(descriptors_now()),
		.per_address_max = DESCRIPTORS_PER_ADDRESS,
	};
	zrms->routes = api_routes(&zrms->route_count);
	options.routes = zrms->routes;
	options.route_count = zrms->route_count;
	return http_server_new(&zrms->loop, &options, &zrms->http, err);
}

int reach_stand_by(struct zrms *zrms, struct error **err)
{
	int r = http_open(zrms, err);
	if (r == 0)
		r = listening_open(zrms, err);
	if (r == 0)
		r = directory_write_address(zrms, err);
	return r;
}

int reach_open(struct zrms *zrms, struct error **err)
{
	bool stood_by = zrms->http != NULL;
	int r = stood_by ? 0 : http_open(zrms, err);
	if (r == 0)
		r = authorities_start(zrms, err);
	if (r == 0 && !stood_by)
		r = listening_open(zrms, err);
	else if (r == 0)
		listening_lead(zrms->listening);
	if (r < 0)
		return r;
	CLEANUP(closed_done) closed_vector closed = {0};
	closed_list(zrms, &closed);
	links_set_closed(zrms->links, closed.items, closed.count);
	return 0;
}
