#include "base/buffer.h"
#include "zhost/edge/edge_state.h"
#include "zhost/edge/page_cookie.h"

void page_reply_text(struct http_request *q, const char *type, struct buffer *b)
{
	size_t size = b->size;

	http_reply(q, 200, type, buffer_steal(b), size);
}

struct mesh_peer *page_find(struct edge *e, struct http_request *q)
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

/* The copy that serves has the last word: a page that began with an earlier version is asked, too. */
bool page_asks_token(struct edge *e, const struct mesh_peer *peer)
{
	const char *topology = mesh_topology_name(peer->topology);
	const char *space = mesh_space_name(peer->space);
	const struct mesh_peer *serving =
		mesh_table_find_ui(mesh_table(e->options.mesh), topology, strlen(topology),
				   space, strlen(space), 0);
	return peer->asks_token || (serving != NULL && serving->asks_token);
}
