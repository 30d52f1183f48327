#include <string.h>

#include "adapter/cli/version.h"
#include "adapter/wire/wire_dial.h"
#include "base/check.h"
#include "base/str.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/openapi.h"
#include "zrms/standby.h"

enum { METRICS_MAX = 64 * 1024 * 1024 };

/* ---- health, metrics, the interface ---- */

void api_health(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	int64_t up_ms = loop_now(&zrms->loop).mono_ms - zrms->started_ms;
	char *json = str_printf("{\"status\":\"%s\",\"program\":\"zrms\",\"version\":\"%s\","
				"\"uptime_ms\":%lld}",
				zrms->stopping	  ? "stopping"
				: stands_by(zrms) ? "standby"
						  : "ok",
				SAMOZA_VERSION, (long long)up_ms);
	http_reply(request, 200, "application/json", json, strlen(json));
}

void api_metrics(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct buffer out = BUFFER_INIT(METRICS_MAX);

	enum metric_format format = metric_format_accepted(http_header(request, "Accept"));
	metric_registry_print(&zrms->metrics, format, &out);
	size_t size = out.size;
	http_reply(request, 200, metric_format_type(format), buffer_steal(&out), size);
}

void api_openapi(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	char *json = openapi_write(zrms->routes, zrms->route_count, SAMOZA_VERSION);
	http_reply(request, 200, "application/json", json, strlen(json));
}

/* ---- links ---- */

/* Between the answer 101 and its stream. */
struct link_upgrade {
	struct zrms *zrms;
	struct principal *who; /* NULL: not asked for, by a standby */
};

static void on_upgraded(void *user, struct stream *stream)
{
	struct link_upgrade *u = user;
	if (stands_by(u->zrms))
		standby_take_link(u->zrms, stream);
	else if (u->who != NULL)
		links_add(u->zrms->links, u->who, stream);
	else /* it was asked before it led, who is not known */
		stream_close(stream);
	free(u);
}

void api_link(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (zrms->stopping) {
		http_reply_failure(request, 503, "unavailable", "shutting down");
	} else if (!stands_by(zrms) && access_asker(request)->is_certified) {
		/* That way a link ends with its key and its certificate; this one would know neither. */
		http_reply_failure(request, 403, "denied",
				   "links over TLS go by ALPN " LINK_PROTOCOL);
	} else if (!http_wants_upgrade(request, LINK_PROTOCOL)) {
		http_add_header(request, "Upgrade", LINK_PROTOCOL);
		http_reply_failure(
			request, 426, "invalid",
			"this path is for zhosts: expected the header Upgrade: " LINK_PROTOCOL);
	} else {
		struct link_upgrade *u = mem_new(struct link_upgrade);
		*u = (struct link_upgrade){.zrms = zrms};
		if (!stands_by(zrms))
			u->who = access_principal_copy(access_principal(request));
		http_reply_upgrade(request, LINK_PROTOCOL, on_upgraded, u);
	}
}
