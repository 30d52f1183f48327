#include <string.h>

#include "adapter/cli/version.h"
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

static void http_metrics(const struct http_server *http, struct buffer *out)
{
	struct http_counters c = http_server_counters(http);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} all[] = {
		{"http_connections", "gauge", "Open connections", c.connections},
		{"http_connections_total", "counter", "Connections", c.connections_total},
		{"http_requests_total", "counter", "Requests", c.requests_total},
		{"http_refused_total", "counter", "Requests and connections that broke a rule",
		 c.refused_total},
		{"http_streams", "gauge", "Open event streams", c.streams},
		{"http_waiting", "gauge", "Requests without an answer yet", c.waiting},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)buffer_printf(out,
				    "# HELP zrms_%s %s.\n# TYPE zrms_%s %s\nzrms_%s %llu\n",
				    all[i].name, all[i].help, all[i].name, all[i].type,
				    all[i].name, (unsigned long long)all[i].value);
	(void)buffer_printf(out, "# HELP zrms_http_answers_total Answers by class.\n"
				 "# TYPE zrms_http_answers_total counter\n");
	for (size_t i = 1; i < ARRAY_SIZE(c.answers); i++)
		(void)buffer_printf(out, "zrms_http_answers_total{status=\"%zuxx\"} %llu\n", i,
				    (unsigned long long)c.answers[i]);
}

void api_metrics(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct buffer out = BUFFER_INIT(METRICS_MAX);
	CLEANUP(freep) char *control = control_metrics(zrms->control);
	CLEANUP(freep) char *store = zrms->store->ops->metrics(zrms->store);
	(void)buffer_add_string(&out, control);
	(void)buffer_add_string(&out, store);
	commit_driver_metrics(zrms->commits, &out);
	hub_metrics(zrms->hub, &out);
	submissions_metrics(zrms->submissions, &out);
	if (zrms->translations != NULL)
		translations_metrics(zrms->translations, &out);
	artifacts_metrics(zrms->artifacts, &out);
	http_metrics(zrms->http, &out);
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
	int fd = -1;
	uint64_t size = 0;
	struct error *err = NULL;
	if (artifact_open(zrms->artifacts, digest, &fd, &size, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	CLEANUP(freep) char *tag = str_printf("\"%s\"", digest);
	http_add_header(request, "ETag", tag);
	http_add_header(request, "Cache-Control", "public, max-age=31536000, immutable");
	http_reply_file(request, 200, "application/octet-stream", fd, size);
}

/* ---- links ---- */

static void on_upgraded(void *user, struct stream *stream)
{
	struct zrms *zrms = user;
	hub_add(zrms->hub, stream);
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
