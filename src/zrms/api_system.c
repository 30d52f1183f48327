#include <string.h>

#include "adapter/cli/version.h"
#include "adapter/sqlite/store.h"
#include "adapter/wire/wire_dial.h"
#include "base/check.h"
#include "base/str.h"
#include "zrms/api.h"
#include "zrms/openapi.h"

enum { METRICS_MAX = 4 * 1024 * 1024 };

/* ---- is it well, and what does it count ---- */

void api_health(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	int64_t up_ms = loop_now(&zrms->loop).mono_ms - zrms->started_ms;
	char *json = str_printf("{\"status\":\"%s\",\"program\":\"zrms\",\"version\":\"%s\","
				"\"uptime_ms\":%lld}",
				zrms->stopping ? "stopping" : "ok", SAMOZA_VERSION,
				(long long)up_ms);
	http_reply(request, 200, "application/json", json, strlen(json));
}

enum { CONNECTIONS, OPENED, REQUESTS, REFUSED, STREAMS, WAITING, ANSWERS };
static const struct metric metrics[] = {
	[CONNECTIONS] = {"zrms_http_connections", METRIC_GAUGE, "Open connections."},
	[OPENED] = {"zrms_http_connections_total", METRIC_COUNTER, "Connections accepted."},
	[REQUESTS] = {"zrms_http_requests_total", METRIC_COUNTER, "Requests received."},
	[REFUSED] = {"zrms_http_refused_total", METRIC_COUNTER,
		     "Requests and connections that broke a rule."},
	[STREAMS] = {"zrms_http_streams", METRIC_GAUGE, "Open event streams."},
	[WAITING] = {"zrms_http_waiting", METRIC_GAUGE, "Requests that are not answered yet."},
	[ANSWERS] = {"zrms_http_answers_total", METRIC_COUNTER, "Answers by class.", "status"},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	struct http_counters c = http_server_counters(part);

	metric_set(to, CONNECTIONS, c.connections);
	metric_set(to, OPENED, c.connections_total);
	metric_set(to, REQUESTS, c.requests_total);
	metric_set(to, REFUSED, c.refused_total);
	metric_set(to, STREAMS, c.streams);
	metric_set(to, WAITING, c.waiting);
	for (size_t i = 1; i < ARRAY_SIZE(c.answers); i++) {
		char class[8];

		(void)snprintf(class, sizeof(class), "%zuxx", i);
		metric_set_labelled(to, ANSWERS, class, c.answers[i]);
	}
}

static const struct metric_source http_metrics = METRIC_SOURCE(metrics, read_metrics);

/* As api_register_metrics() registers them. */
const struct metric_source *const api_metric_sources[] = {
	&control_metrics,	&sqlite_store_metrics,
	&commit_driver_metrics, &links_metrics,
	&hub_metrics,		&submissions_metrics,
	&translations_metrics,	&artifacts_metrics,
	&http_metrics,		NULL,
};

void api_register_metrics(struct zrms *zrms)
{
	struct metric_registry *r = &zrms->metrics;

	metric_registry_add(r, &control_metrics, zrms->control);
	if (zrms->store->ops->metrics != NULL)
		metric_registry_add(r, zrms->store->ops->metrics, zrms->store);
	metric_registry_add(r, &commit_driver_metrics, zrms->commits);
	metric_registry_add(r, &links_metrics, zrms->links);
	metric_registry_add(r, &hub_metrics, zrms->hub);
	metric_registry_add(r, &submissions_metrics, zrms->submissions);
	if (zrms->translations != NULL)
		metric_registry_add(r, &translations_metrics, zrms->translations);
	metric_registry_add(r, &artifacts_metrics, zrms->artifacts);
	metric_registry_add(r, &http_metrics, zrms->http);
}

void api_metrics(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct buffer out = BUFFER_INIT(METRICS_MAX);

	metric_registry_print(&zrms->metrics, &out);
	size_t size = out.size;
	http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_steal(&out),
		   size);
}

void api_openapi(void *context, struct http_request *request)
{
	(void)context;
	size_t count = 0;
	const struct http_route *routes = api_routes(&count);
	char *json = openapi_write(routes, count, SAMOZA_VERSION);
	http_reply(request, 200, "application/json", json, strlen(json));
}

/* ---- artifacts ---- */

void api_artifact(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *digest = http_param(request, "digest");
	struct artifact_reader *reader = NULL;
	struct error *err = NULL;
	if (artifacts_get(zrms->artifacts, digest, &reader, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	uint64_t size = artifact_size(reader);
	int fd = artifact_take_file(&reader);
	INVARIANT(fd >= 0); /* zrms opens a directory of files */
	CLEANUP(freep) char *tag = str_printf("\"%s\"", digest);
	http_add_header(request, "ETag", tag);
	http_add_header(request, "Cache-Control", "public, max-age=31536000, immutable");
	http_reply_file(request, 200, "application/octet-stream", fd, size);
}

/* ---- links ---- */

static void on_upgraded(void *user, struct stream *stream)
{
	struct zrms *zrms = user;
	links_add(zrms->links, stream);
}

void api_link(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (zrms->stopping) {
		http_reply_failure(request, 503, "unavailable", "shutting down");
	} else if (!http_wants_upgrade(request, LINK_PROTOCOL)) {
		http_add_header(request, "Upgrade", LINK_PROTOCOL);
		http_reply_failure(request, 426, "invalid",
				   "this path is for zhosts: it needs Upgrade: " LINK_PROTOCOL);
	} else {
		http_reply_upgrade(request, LINK_PROTOCOL, on_upgraded, zrms);
	}
}
