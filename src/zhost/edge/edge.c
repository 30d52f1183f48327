#include "zhost/edge/edge.h"

#include "adapter/http/http.h"
#include "base/buffer.h"
#include "base/str.h"
#include "schema/json.h"
#include "zhost/edge/edge_state.h"

/* ---- what all answers have ---- */

static char *error_body(void *context, const char *code, const char *message,
			const char **ret_type)
{
	struct buffer b = BUFFER_INIT(64 * 1024);

	(void)context;
	*ret_type = "application/json";
	(void)buffer_add_string(&b, "{\"error\":{\"code\":");
	(void)!schema_add_json_string(&b, code);
	(void)buffer_add_string(&b, ",\"message\":");
	(void)!schema_add_json_string(&b, message);
	(void)buffer_add_string(&b, ",\"details\":[]}}");
	return buffer_steal(&b);
}

/* ---- the list ---- */

static void add_html(struct buffer *b, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			(void)buffer_add_string(b, "&amp;");
			break;
		case '<':
			(void)buffer_add_string(b, "&lt;");
			break;
		case '>':
			(void)buffer_add_string(b, "&gt;");
			break;
		case '"':
			(void)buffer_add_string(b, "&quot;");
			break;
		default:
			(void)buffer_add(b, text, 1);
		}
}

static void list_one(void *data, const struct mesh_peer *peer)
{
	struct buffer *b = data;

	if (!peer->is_ui)
		return;
	(void)buffer_add_string(b, "<li><a href=\"/");
	for (int i = 0; i < 2; i++) {
		add_html(b, mesh_topology_name(peer->topology));
		(void)buffer_add_string(b, "/");
		add_html(b, mesh_space_name(peer->space));
		(void)buffer_add_string(b, i == 0 ? "/\">" : "</a></li>\n");
	}
}

/* What concerns this machine is nobody else's: as if it were not there. */
static bool refuse_others(struct http_request *q)
{
	if (audience_is_local(q))
		return false;
	http_reply_failure(q, 404, "not-found",
			   "pages are at /TOPOLOGY/SPACE/; the list of them is for the machine "
			   "itself");
	return true;
}

static void on_list(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(PAGE_MAX), items = BUFFER_INIT(PAGE_MAX);

	if (refuse_others(q))
		return;
	mesh_table_visit(mesh_table(e->options.mesh), list_one, &items);
	(void)buffer_add_string(&b, "<!doctype html>\n<html lang=\"en\"><head><meta "
				    "charset=\"utf-8\"><title>zedge of ");
	add_html(&b, mesh_zhost(e->options.mesh));
	(void)buffer_add_string(&b, "</title></head><body>\n<h1>Served by ");
	add_html(&b, mesh_zhost(e->options.mesh));
	(void)buffer_add_string(&b, "</h1>\n");
	if (items.size > 0)
		(void)buffer_printf(&b, "<ul>\n%s</ul>\n", items.data);
	else
		(void)buffer_add_string(&b, "<p>No UI space is started.</p>\n");
	(void)buffer_add_string(&b, "</body></html>\n");
	buffer_done(&items);
	http_add_header(q, "Cache-Control", "no-store");
	http_add_header(q, "Content-Security-Policy",
			"default-src 'none'; frame-ancestors 'none'");
	page_reply_text(q, "text/html; charset=utf-8", &b);
}

static void on_health(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(4096);

	if (!audience_is_local(q)) {
		(void)buffer_add_string(&b, "{\"status\":\"ok\"}\n");
		page_reply_text(q, "application/json", &b);
		return;
	}
	(void)buffer_add_string(&b, "{\"status\":\"ok\",\"zhost\":");
	(void)!schema_add_json_string(&b, mesh_zhost(e->options.mesh));
	(void)buffer_printf(&b, ",\"zrms\":\"%s\"}\n",
			    upstream_is_up(e->options.upstream) ? "connected" : "unreachable");
	page_reply_text(q, "application/json", &b);
}

enum { REQUESTS, SESSIONS, SLOWED, CLIENTS, REFUSED, EXPIRES };
static const struct metric metrics[] = {
	[REQUESTS] = {"zedge_requests_total", METRIC_COUNTER, "Requests from browsers."},
	[SESSIONS] = {"zedge_sessions", METRIC_GAUGE, "Open pages."},
	[SLOWED] = {"zedge_slowed_total", METRIC_COUNTER,
		    "Requests of clients over their limit, answered 429."},
	[CLIENTS] = {"zedge_clients", METRIC_GAUGE,
		     "Clients on other machines that are known."},
	[REFUSED] = {"zedge_tls_refused_total", METRIC_COUNTER,
		     "Connections that did not pass their handshake."},
	[EXPIRES] = {"zedge_certificate_expires_seconds", METRIC_GAUGE,
		     "Time until the certificate of zedge ends; 0: it has, or there is none."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct edge *e = part;
	const struct audience_counters audience = audience_counters(e->audience);

	metric_set(to, SLOWED, audience.slowed_total);
	metric_set(to, CLIENTS, audience.clients);
	metric_set(to, REFUSED, e->site != NULL ? site_counters(e->site).refused_total : 0);
	metric_set(to, EXPIRES, e->site != NULL ? (uint64_t)site_left_ms(e->site) / 1000 : 0);
	metric_set(to, REQUESTS, http_server_counters(e->server).requests_total);
	metric_set(to, SESSIONS, sessions_count(e->sessions));
}

const struct metric_source edge_metrics = METRIC_SOURCE(metrics, read_metrics);

#define METRICS_MAX ((size_t)64 * 1024 * 1024)

static void on_metrics(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(METRICS_MAX);
	enum metric_format format = metric_format_accepted(http_header(q, "Accept"));

	if (refuse_others(q))
		return;
	metric_registry_print(e->options.metrics, format, &b);
	page_reply_text(q, metric_format_type(format), &b);
}

/* ---- life ---- */

#define SIGN_IN_BODY_MAX ((size_t)4096)

static const struct http_query session_query[] = {{.name = "session"}, {0}};
static const struct http_query path_query[] = {{.name = "path"}, {0}};

static const struct http_route routes[] = {
	{.method = "GET", .pattern = "/", .handler = on_list},
	{.method = "GET", .pattern = "/healthz", .handler = on_health},
	{.method = "GET", .pattern = "/metrics", .handler = on_metrics},
	{.method = "GET",
	 .pattern = "/{topology}/{space}",
	 .handler = page_on_redirect,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/",
	 .handler = page_on_index,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/samoza.js",
	 .handler = page_on_script,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/_samoza/messages",
	 .handler = page_on_messages,
	 .query = session_query},
	{.method = "POST",
	 .pattern = "/{topology}/{space}/_samoza/emit",
	 .handler = page_on_emit,
	 .body = HTTP_BODY_MEMORY,
	 .query = path_query},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/_samoza/placements",
	 .handler = page_on_placements},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/_samoza/sign-in",
	 .handler = page_on_sign_in_form},
	{.method = "POST",
	 .pattern = "/{topology}/{space}/_samoza/sign-in",
	 .handler = page_on_sign_in,
	 .body = HTTP_BODY_MEMORY,
	 .body_max = SIGN_IN_BODY_MAX},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/{file*}",
	 .handler = page_on_file,
	 .query = http_query_any},
};

static struct http_refusal on_count(void *context, struct http_request *q)
{
	const struct edge *e = context;

	return audience_count(e->audience, q);
}

static bool on_proxied(void *context, const struct http_request *q)
{
	const struct edge *e = context;

	return audience_is_proxied(e->audience, q);
}

static bool on_shared(void *context, const char *address)
{
	const struct edge *e = context;

	return audience_is_proxy(e->audience, address);
}

static void on_sent(void *context, struct http_request *q, uint64_t bytes)
{
	const struct edge *e = context;

	audience_sent(e->audience, q, bytes);
}

/* On loopback plain, everywhere with TLS. */
static int edge_listen(struct edge *e, struct error **err)
{
	const struct edge_public *public = e->options.public;
	const struct cli_address *at = &e->options.listen;
	struct http_options options = {
		.address = public->certificate == NULL ? at->host : NULL,
		.port = at->port,
		.routes = routes,
		.route_count = ARRAY_SIZE(routes),
		.context = e,
		.error_body = error_body,
		.count = on_count,
		.is_proxied = on_proxied,
		.sent = on_sent,
		.loopback_only = true,
		.is_shared = on_shared,
		.per_address_max = public->connections,
		.memory_max = AUDIENCE_BODY_MAX,
	};
	int r = audience_new(e->options.loop, public, &e->audience, err);

	if (r == 0)
		r = http_server_new(e->options.loop, &options, &e->server, err);
	if (r == 0 && public->certificate != NULL)
		r = site_new(e->options.loop, at, public, e->server, &e->site, err);
	return r;
}

int edge_new(const struct edge_options *edge_options, struct edge **ret_edge,
	     struct error **err)
{
	struct edge *e = mem_new(struct edge);
	int r;

	e->options = *edge_options;
	e->sessions = sessions_new(mesh_zhost(e->options.mesh));
	e->access = page_access_new(e->options.loop, e->options.upstream);
	e->broadcast =
		broadcast_new(mesh_zhost(e->options.mesh), mesh_transport(e->options.mesh));
	r = edge_listen(e, err);
	e->options.public = NULL;
	if (r < 0) {
		edge_free(e);
		return error_wrap(err, "zedge");
	}
	page_messages_begin(e);
	metric_registry_add(e->options.metrics, &edge_metrics, e);
	*ret_edge = e;
	return 0;
}

void edge_take(struct edge *e, const Samoza__V1__PageAnswer *answer)
{
	page_access_take(e->access, answer);
}

uint16_t edge_port(const struct edge *e)
{
	return e->site != NULL ? site_port(e->site) : http_server_port(e->server);
}

void edge_free(struct edge *e)
{
	if (e == NULL)
		return;
	page_messages_end(e);
	page_files_end(e);
	http_server_free(e->server);
	site_free(e->site);
	audience_free(e->audience);
	sessions_free(e->sessions);
	page_access_free(e->access);
	broadcast_free(e->broadcast);
	free(e);
}
