#include "zhost/edge/edge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "adapter/http/http.h"
#include "adapter/log/log.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "samoza_js.h"
#include "schema/json.h"
#include "zhost/edge/broadcast.h"
#include "zhost/edge/file_type.h"
#include "zhost/edge/page_cookie.h"
#include "zhost/edge/session.h"
#include "zrun/protocol/protocol.h"

#define PAGE_MAX ((size_t)4 * 1024 * 1024)

/* A file that is on its way from zrms. */
struct file_wait {
	struct edge *edge;
	struct http_request *request;
	struct artifact_wait *wait;
	char *name, *digest;
	struct file_wait *next, *prev;
};

struct edge {
	struct edge_options options;
	struct http_server *server;
	struct sessions *sessions;
	struct file_wait *waits;
	struct broadcast *broadcast;
	struct loop_timer *expire, *notify;
};

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

static void reply_text(struct http_request *q, const char *type, struct buffer *b)
{
	size_t size = b->size;

	http_reply(q, 200, type, buffer_steal(b), size);
}

/* The started UI space that the URL names, in the version that the page has; NULL after a 404. */
static struct mesh_peer *find_space(struct edge *e, struct http_request *q)
{
	const char *topology = http_param(q, "topology"), *space = http_param(q, "space");
	struct mesh_peer *peer = mesh_table_draw_ui(mesh_table(e->options.mesh), topology,
						    strlen(topology), space, strlen(space),
						    page_cookie_read(http_header(q, "Cookie")));

	if (peer == NULL)
		http_reply_failure(
			q, 404, "not-found",
			"no UI space of this name is running in a topology of this name");
	return peer;
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

static void on_list(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(PAGE_MAX), items = BUFFER_INIT(PAGE_MAX);

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
	reply_text(q, "text/html; charset=utf-8", &b);
}

static void on_health(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(4096);

	(void)buffer_add_string(&b, "{\"status\":\"ok\",\"zhost\":");
	(void)!schema_add_json_string(&b, mesh_zhost(e->options.mesh));
	(void)buffer_printf(&b, ",\"zrms\":\"%s\"}\n",
			    upstream_is_up(e->options.upstream) ? "connected" : "unreachable");
	reply_text(q, "application/json", &b);
}

enum { REQUESTS, SESSIONS };
static const struct metric metrics[] = {
	[REQUESTS] = {"zedge_requests_total", METRIC_COUNTER, "Requests from browsers."},
	[SESSIONS] = {"zedge_sessions", METRIC_GAUGE, "Open pages."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct edge *e = part;

	metric_set(to, REQUESTS, http_server_counters(e->server).requests_total);
	metric_set(to, SESSIONS, sessions_count(e->sessions));
}

const struct metric_source edge_metrics = METRIC_SOURCE(metrics, read_metrics);

static void on_metrics(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct buffer b = BUFFER_INIT(PAGE_MAX);

	metric_registry_print(e->options.metrics, &b);
	reply_text(q, "text/plain; version=0.0.4; charset=utf-8", &b);
}

/* ---- files ---- */

static void on_redirect(void *context, struct http_request *q)
{
	CLEANUP(freep) char *to = NULL;

	if (find_space(context, q) == NULL)
		return;
	/* The names matched a space: nothing in them needs to be encoded. */
	to = str_printf("/%s/%s/", http_param(q, "topology"), http_param(q, "space"));
	http_add_header(q, "Location", to);
	http_reply(q, 308, NULL, NULL, 0);
}

/* What pages may do. They come from a signed package, so scripts and styles within them are
 * allowed; nothing from elsewhere is, and they talk to their own space only. */
static void add_policy(struct http_request *q)
{
	CLEANUP(freep)
	char *policy = str_printf(
		"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' "
		"'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; connect-src "
		"http://%s/%s/%s/; frame-src 'none'; frame-ancestors 'self'; object-src "
		"'none'; "
		"base-uri 'self'; form-action 'self'",
		http_header(q, "Host"), http_param(q, "topology"), http_param(q, "space"));

	http_add_header(q, "Content-Security-Policy", policy);
	http_add_header(q, "Referrer-Policy", "same-origin");
	http_add_header(q, "Cache-Control", "no-cache");
	http_add_header(q, "Vary", "Cookie");
}

static void reply_path(struct http_request *q, const char *name, const char *digest,
		       const char *path)
{
	CLEANUP(freep) char *tag = str_printf("\"%s\"", digest);
	const char *known = http_header(q, "If-None-Match");
	struct stat st;
	int fd;

	add_policy(q);
	http_add_header(q, "ETag", tag);
	if (known != NULL && strstr(known, tag) != NULL) {
		http_reply(q, 304, NULL, NULL, 0);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		closep(&fd);
		http_reply_failure(q, 500, "io", "cannot read the file");
		return;
	}
	http_reply_file(q, 200, file_type(name), fd, (uint64_t)st.st_size);
}

static void file_wait_free(struct file_wait *w)
{
	free(w->name);
	free(w->digest);
	free(w);
}

static void on_file_there(void *data, const char *path, const struct error *error)
{
	struct file_wait *w = data;

	if (w->wait != NULL)
		DL_DELETE(w->edge->waits, w);
	if (path != NULL)
		reply_path(w->request, w->name, w->digest, path);
	else
		http_reply_failure(w->request, 503, "unavailable", error->message);
	file_wait_free(w);
}

static void serve(struct edge *e, struct http_request *q, const char *url)
{
	struct mesh_peer *peer = find_space(e, q);
	CLEANUP(freep) char *name = NULL;
	struct artifact_wait *wait;
	struct file_wait *w;

	if (peer == NULL)
		return;
	page_cookie_set(q, http_param(q, "topology"), http_param(q, "space"), peer->version);
	name = file_of_url(url);
	vector_for_each (&peer->assets, a) {
		if (name == NULL || strcmp(a->name, name) != 0)
			continue;
		w = mem_new(struct file_wait);
		w->edge = e;
		w->request = q;
		w->name = steal_ptr(&name);
		w->digest = mem_strdup(a->digest);
		wait = artifact_fetch(e->options.artifacts, a->digest, a->size_bytes,
				      on_file_there, w);
		if (wait != NULL) {
			w->wait = wait;
			DL_APPEND(e->waits, w);
		}
		return;
	}
	http_reply_failure(q, 404, "not-found", "no such file in this space");
}

static void on_index(void *context, struct http_request *q)
{
	serve(context, q, "");
}

static void on_file(void *context, struct http_request *q)
{
	serve(context, q, http_param(q, "file"));
}

/* One source for both ways to load it: browsers say which one is meant. */
static void on_script(void *context, struct http_request *q)
{
	const char *mode = http_header(q, "Sec-Fetch-Mode");
	bool is_classic = mode != NULL && strcmp(mode, "no-cors") == 0;
	struct buffer b = BUFFER_INIT(PAGE_MAX);

	if (find_space(context, q) == NULL)
		return;
	(void)buffer_add(&b, embedded_samoza_js, embedded_samoza_js_size);
	if (!is_classic)
		(void)buffer_add(&b, embedded_samoza_exports_js,
				 embedded_samoza_exports_js_size);
	http_add_header(q, "Vary", "Sec-Fetch-Mode");
	http_add_header(q, "Cache-Control", "no-cache");
	reply_text(q, "text/javascript; charset=utf-8", &b);
}

/* ---- messages ---- */

static void notify_home(void *data, const char *topology, const char *space);

static void on_messages(void *context, struct http_request *q)
{
	struct edge *e = context;
	const char *token = http_query(q, "session");
	const char *topology = http_param(q, "topology"), *space = http_param(q, "space");
	struct session *session = NULL;

	if (find_space(e, q) == NULL)
		return;
	if (token != NULL)
		session = session_find(e->sessions, token, topology, space);
	if (session == NULL)
		session = session_new(e->sessions, topology, space,
				      loop_now(e->options.loop).mono_ms);
	if (session == NULL) {
		http_reply_failure(q, 503, "busy", "too many pages are open on this zhost");
		return;
	}
	session_attach(session, q);
	notify_home(e, topology, space);
}

static void reply_emit(struct http_request *q, int status)
{
	switch (status) {
	case 0:
		http_reply(q, 204, NULL, NULL, 0);
		return;
	case -ENOENT:
		http_reply_failure(q, 404, "no-path", "the space does not declare this path");
		return;
	case -EAGAIN:
		http_reply_failure(q, 503, "again", "the receiver's queue is full");
		return;
	case -EHOSTUNREACH:
		http_reply_failure(q, 503, "unreachable",
				   "the receiver is not running or cannot be reached");
		return;
	case -EMSGSIZE:
		http_reply_failure(q, 413, "too-large",
				   "message too large: expected at most 64 KiB");
		return;
	default:
		http_reply_failure(q, 400, "invalid", "invalid address or empty message");
	}
}

static void on_emit(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct mesh_peer *peer = find_space(e, q);
	const char *token = http_header(q, "X-Samoza-Session");
	const char *address = http_query(q, "path");
	struct session *session = NULL;

	if (peer == NULL)
		return;
	/* No form and no page of another origin can set this header unasked. */
	if (token != NULL)
		session = session_find(e->sessions, token, http_param(q, "topology"),
				       http_param(q, "space"));
	if (session == NULL)
		http_reply_failure(q, 409, "session",
				   "no such session: open _samoza/messages first");
	else if (address == NULL || http_body_size(q) == 0)
		reply_emit(q, -EINVAL);
	else if (http_body_size(q) > ZRUN_PAYLOAD_MAX)
		reply_emit(q, -EMSGSIZE);
	else
		reply_emit(q, mesh_emit(e->options.mesh, peer, session_suffix(session), address,
					strlen(address), http_body_data(q), http_body_size(q)));
}

struct placement_list {
	const char *zhost;
	struct buffer *json;
	bool has_any;
};

static void placement_one(void *data, const struct mesh_peer *peer)
{
	struct placement_list *list = data;
	struct buffer *b = list->json;

	(void)buffer_add_string(b, list->has_any ? ",{\"path\":" : "{\"path\":");
	list->has_any = true;
	(void)!schema_add_json_string(b, peer->path);
	(void)buffer_add_string(b, ",\"space\":");
	(void)!schema_add_json_string(b, mesh_space_name(peer->space));
	(void)buffer_printf(b, ",\"ui\":%s,\"zhost\":", peer->is_ui ? "true" : "false");
	(void)!schema_add_json_string(b, peer->is_open ? list->zhost : peer->zhost);
	(void)buffer_add_string(b, "}");
}

static void on_placements(void *context, struct http_request *q)
{
	struct edge *e = context;
	struct mesh_peer *peer = find_space(e, q);
	struct buffer b = BUFFER_INIT(PAGE_MAX);
	struct placement_list list = {.zhost = mesh_zhost(e->options.mesh), .json = &b};

	if (peer == NULL)
		return;
	(void)buffer_add_string(&b, "{\"topology\":");
	(void)!schema_add_json_string(&b, mesh_topology_name(peer->topology));
	(void)buffer_add_string(&b, ",\"zedge\":");
	(void)!schema_add_json_string(&b, mesh_zhost(e->options.mesh));
	(void)buffer_add_string(&b, ",\"spaces\":[");
	mesh_topology_visit(peer->topology, placement_one, &list);
	(void)buffer_add_string(&b, "]}\n");
	http_add_header(q, "Cache-Control", "no-store");
	reply_text(q, "application/json", &b);
}

int edge_deliver(struct edge *e, const struct mesh_peer *peer, const char *suffix,
		 size_t suffix_size, const char *path_name, const char *from,
		 const void *payload, size_t size)
{
	bool is_for_all = suffix_size == 0;
	bool is_for_all_here = suffix_size == strlen(BROADCAST_SUFFIX) &&
			       memcmp(suffix, BROADCAST_SUFFIX, suffix_size) == 0;
	int r = sessions_deliver(
		e->sessions, mesh_topology_name(peer->topology), mesh_space_name(peer->space),
		suffix, is_for_all_here ? 0 : suffix_size, path_name, from, payload, size);

	if (is_for_all && peer->is_open &&
	    broadcast_pass_on(e->broadcast, peer, path_name, from, payload, size,
			      loop_now(e->options.loop).mono_ms) > 0)
		return 0;
	return r;
}

static int on_mesh_deliver(void *user, const struct mesh_peer *peer, const char *suffix,
			   size_t suffix_size, const char *path_name, const char *from,
			   const void *payload, size_t size)
{
	return edge_deliver(user, peer, suffix, suffix_size, path_name, from, payload, size);
}

static void on_mesh_listen(void *user, const struct mesh_peer *peer, const char *zhost)
{
	struct edge *e = user;

	broadcast_listen(e->broadcast, peer, zhost, loop_now(e->options.loop).mono_ms);
}

static const struct mesh_pages mesh_pages = {.deliver = on_mesh_deliver,
					     .listen = on_mesh_listen};

/* Notifies the homes of spaces whose pages are open here. */
static void notify_home(void *data, const char *topology, const char *space)
{
	struct edge *e = data;
	const struct mesh_peer *peer =
		mesh_table_find_ui(mesh_table(e->options.mesh), topology, strlen(topology),
				   space, strlen(space), 0);

	if (peer != NULL)
		broadcast_notify(e->broadcast, peer);
}

static void on_notify(void *user)
{
	struct edge *e = user;

	sessions_visit_spaces(e->sessions, notify_home, e);
	loop_timer_at(e->notify, loop_now(e->options.loop).mono_ms + BROADCAST_NOTIFY_MS);
}

/* ---- life ---- */

static const struct http_query session_query[] = {{.name = "session"}, {0}};
static const struct http_query path_query[] = {{.name = "path"}, {0}};

static const struct http_route routes[] = {
	{.method = "GET", .pattern = "/", .handler = on_list},
	{.method = "GET", .pattern = "/healthz", .handler = on_health},
	{.method = "GET", .pattern = "/metrics", .handler = on_metrics},
	{.method = "GET",
	 .pattern = "/{topology}/{space}",
	 .handler = on_redirect,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/",
	 .handler = on_index,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/samoza.js",
	 .handler = on_script,
	 .query = http_query_any},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/_samoza/messages",
	 .handler = on_messages,
	 .query = session_query},
	{.method = "POST",
	 .pattern = "/{topology}/{space}/_samoza/emit",
	 .handler = on_emit,
	 .body = HTTP_BODY_MEMORY,
	 .query = path_query},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/_samoza/placements",
	 .handler = on_placements},
	{.method = "GET",
	 .pattern = "/{topology}/{space}/{file*}",
	 .handler = on_file,
	 .query = http_query_any},
};

static void on_expire(void *user)
{
	struct edge *e = user;

	sessions_expire(e->sessions, loop_now(e->options.loop).mono_ms);
	loop_timer_at(e->expire, loop_now(e->options.loop).mono_ms + SESSION_IDLE_MS / 2);
}

int edge_new(const struct edge_options *edge_options, struct edge **ret_edge,
	     struct error **err)
{
	struct edge *e = mem_new(struct edge);
	struct http_options options = {
		.address = edge_options->listen.host,
		.port = edge_options->listen.port,
		.routes = routes,
		.route_count = ARRAY_SIZE(routes),
		.context = e,
		.error_body = error_body,
		.loopback_only = true,
		.memory_max = (size_t)128 * 1024,
	};
	int r;

	e->options = *edge_options;
	e->sessions = sessions_new(mesh_zhost(e->options.mesh));
	e->broadcast =
		broadcast_new(mesh_zhost(e->options.mesh), mesh_transport(e->options.mesh));
	r = http_server_new(e->options.loop, &options, &e->server, err);
	if (r < 0) {
		edge_free(e);
		return error_wrap(err, "zedge");
	}
	e->expire = loop_timer_new(e->options.loop, on_expire, e);
	on_expire(e);
	e->notify = loop_timer_new(e->options.loop, on_notify, e);
	on_notify(e);
	mesh_set_pages(e->options.mesh, &mesh_pages, e);
	metric_registry_add(e->options.metrics, &edge_metrics, e);
	*ret_edge = e;
	return 0;
}

uint16_t edge_port(const struct edge *e)
{
	return http_server_port(e->server);
}

void edge_free(struct edge *e)
{
	struct file_wait *w, *next;

	if (e == NULL)
		return;
	mesh_set_pages(e->options.mesh, NULL, NULL);
	loop_timer_free(e->expire);
	loop_timer_free(e->notify);
	/* Their requests are answered by the server's end. */
	DL_FOREACH_SAFE (e->waits, w, next) {
		artifact_cancel(w->wait);
		file_wait_free(w);
	}
	http_server_free(e->server);
	sessions_free(e->sessions);
	broadcast_free(e->broadcast);
	free(e);
}
