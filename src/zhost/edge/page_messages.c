#include <errno.h>

#include "schema/json.h"
#include "zhost/edge/edge_state.h"
#include "zrun/protocol/protocol.h"

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

static void serve_messages(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	const char *token = http_query(q, "session");
	const char *topology = http_param(q, "topology"), *space = http_param(q, "space");
	struct session *session = NULL;

	if (token != NULL)
		session = session_find(e->sessions, token, topology, space);
	if (session == NULL)
		session = session_new(e->sessions, topology, space,
				      audience_is_local(q) ? NULL : audience_client(q),
				      loop_now(e->options.loop).mono_ms);
	if (session == NULL) {
		http_reply_failure(q, 503, "busy", "too many pages are open here");
		return;
	}
	if (page_asks_token(e, peer) && page_shown(q, hash))
		session_bind(session, hash);
	session_attach(session, q);
	notify_home(e, topology, space);
}

void page_on_messages(void *context, struct http_request *q)
{
	page_enter(context, q, serve_messages);
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

static void serve_emit(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	const char *token = http_header(q, "X-Samoza-Session");
	const char *address = http_query(q, "path");
	struct session *session = NULL;

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

void page_on_emit(void *context, struct http_request *q)
{
	page_enter(context, q, serve_emit);
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

static void serve_placements(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	struct buffer b = BUFFER_INIT(PAGE_MAX);
	struct placement_list list = {.zhost = mesh_zhost(e->options.mesh), .json = &b};

	(void)buffer_add_string(&b, "{\"topology\":");
	(void)!schema_add_json_string(&b, mesh_topology_name(peer->topology));
	(void)buffer_add_string(&b, ",\"zedge\":");
	(void)!schema_add_json_string(&b, mesh_zhost(e->options.mesh));
	(void)buffer_add_string(&b, ",\"spaces\":[");
	mesh_topology_visit(peer->topology, placement_one, &list);
	(void)buffer_add_string(&b, "]}\n");
	http_add_header(q, "Cache-Control", "no-store");
	page_reply_text(q, "application/json", &b);
}

void page_on_placements(void *context, struct http_request *q)
{
	page_enter(context, q, serve_placements);
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

/* A page that was open to everybody may ask for a token meanwhile. */
static bool still_holds(void *user, const char *topology, const char *space,
			const uint8_t *hash)
{
	struct edge *e = user;
	const struct mesh_peer *serving =
		mesh_table_find_ui(mesh_table(e->options.mesh), topology, strlen(topology),
				   space, strlen(space), 0);

	if (hash == NULL)
		return serving == NULL || !page_asks_token(e, serving);
	return page_access_holds(e->access, topology, space, hash);
}

static void on_notify(void *user)
{
	struct edge *e = user;

	sessions_look(e->sessions, still_holds, e);

	sessions_visit_spaces(e->sessions, notify_home, e);
	loop_timer_at(e->notify, loop_now(e->options.loop).mono_ms + BROADCAST_NOTIFY_MS);
}

static void on_expire(void *user)
{
	struct edge *e = user;

	sessions_expire(e->sessions, loop_now(e->options.loop).mono_ms);
	loop_timer_at(e->expire, loop_now(e->options.loop).mono_ms + SESSION_IDLE_MS / 2);
}

void page_messages_begin(struct edge *e)
{
	e->expire = loop_timer_new(e->options.loop, on_expire, e);
	on_expire(e);
	e->notify = loop_timer_new(e->options.loop, on_notify, e);
	on_notify(e);
	mesh_set_pages(e->options.mesh, &mesh_pages, e);
}

void page_messages_end(struct edge *e)
{
	mesh_set_pages(e->options.mesh, NULL, NULL);
	loop_timer_free(e->expire);
	loop_timer_free(e->notify);
}
