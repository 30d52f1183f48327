#include "zhost/mesh/mesh.h"

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "zhost/edge/edge.h"
#include "zhost/process/zrun_process.h"
#include "zhost/space/resident.h"
#include "zhost/uplink/uplink.h"

/* Text of an instance with what stands behind it: "dashboard~4f…@edge-node-1". */
struct mesh_name {
	char text[ZRUN_ADDRESS_MAX + 1];
};

static int name_join(struct mesh_name *name, const char *path, const char *suffix,
		     size_t suffix_size)
{
	int n = snprintf(name->text, sizeof(name->text), "%s%.*s", path, (int)suffix_size,
			 suffix != NULL ? suffix : "");

	return n > 0 && n < (int)sizeof(name->text) ? 0 : -EINVAL;
}

/* The zhost whose zedge holds a page's session, out of "~SESSION@ZHOST". */
static const char *suffix_zhost(const char *text)
{
	const char *at = strrchr(text, '@');

	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

static int emit_here(struct zhost *z, const struct mesh_peer *sender, const char *sender_suffix,
		     const struct mesh_route *route, const void *payload, size_t size)
{
	struct resident *to = route->peer->local;
	int r;

	if (to->process == NULL)
		return -EHOSTUNREACH;
	r = process_deliver(to->process, route->name, sender->path, sender_suffix,
			    sender_suffix != NULL ? strlen(sender_suffix) : 0, payload, size);
	/* Only here: between two zhosts the hub polls; if every zhost did, it got slower. */
	loop_busy_poll(&z->loop);
	if (r == 0)
		z->counters.emits_local++;
	return r;
}

/* To the pages of a UI space: one (suffix), or all that are open at the zhost of its place. */
static int emit_pages(struct zhost *z, const struct mesh_peer *sender,
		      const struct mesh_route *route, const void *payload, size_t size)
{
	z->counters.page_messages++;
	return edge_deliver(z->edge, route->peer, route->suffix, route->suffix_size,
			    route->name, sender->path, payload, size);
}

static int emit_away(struct zhost *z, const struct mesh_peer *sender, const char *from,
		     const struct mesh_route *route, const char *to, const char *zhost,
		     const void *payload, size_t size)
{
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	int r;

	m.topology = (char *)mesh_topology_id(sender->topology);
	m.path_name = (char *)route->name;
	m.from = (char *)from;
	m.to = (char *)to;
	m.to_zhost = (char *)zhost;
	m.from_zhost = z->settings.name;
	m.payload.data = (uint8_t *)payload;
	m.payload.len = size;
	r = uplink_try(z->uplink, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base,
		       MESH_LINK_ROOM);
	if (r == 0)
		z->counters.emits_remote++;
	return r;
}

static int emit(struct zhost *z, const struct mesh_peer *sender, const char *sender_suffix,
		const char *address, size_t address_size, const void *payload, size_t size)
{
	struct mesh_route route;
	struct mesh_name from, to;
	const char *zhost;
	int r = mesh_table_route(z->mesh, sender, address, address_size, &route);

	if (r < 0)
		return r;
	if (!route.peer->is_ui && route.peer->is_open)
		return emit_here(z, sender, sender_suffix, &route, payload, size);
	r = name_join(&to, route.peer->path, route.suffix, route.suffix_size);
	if (r == 0)
		r = name_join(&from, sender->path, sender_suffix,
			      sender_suffix != NULL ? strlen(sender_suffix) : 0);
	if (r < 0)
		return r;
	zhost = route.peer->is_open ? z->settings.name : route.peer->zhost;
	if (route.suffix_size > 0)
		zhost = suffix_zhost(to.text);
	if (zhost == NULL)
		return -EINVAL;
	if (strcmp(zhost, z->settings.name) == 0)
		return emit_pages(z, sender, &route, payload, size);
	return emit_away(z, sender, from.text, &route, to.text, zhost, payload, size);
}

int mesh_emit(struct zhost *z, const struct mesh_peer *sender, const char *sender_suffix,
	      const char *address, size_t address_size, const void *payload, size_t size)
{
	int r = emit(z, sender, sender_suffix, address, address_size, payload, size);

	if (r < 0)
		z->counters.emits_refused++;
	return r;
}

/* The receiver declared the path too: "path" must lead from it to the sender's space, so a
 * frame from elsewhere gets no further than an emit here would. */
static bool is_declared(const struct mesh_peer *to, const char *path_name)
{
	vector_for_each (&to->paths, p)
		if (strcmp(p->name, path_name) == 0)
			return true;
	return false;
}

void mesh_take(struct zhost *z, const Samoza__V1__MeshMessage *m)
{
	const char *suffix = strchr(m->to, '~');
	size_t path_size = suffix != NULL ? (size_t)(suffix - m->to) : strlen(m->to);
	struct mesh_peer *peer = mesh_table_find(z->mesh, m->topology, m->to, path_size);
	int r = -EHOSTUNREACH;

	z->counters.remote_received++;
	if (m->payload.len == 0 || m->payload.len > ZRUN_PAYLOAD_MAX) {
		r = -EMSGSIZE;
	} else if (peer != NULL && peer->is_ui && m->path_name[0] == '\0') {
		if (m->from_zhost != NULL && peer->is_open)
			edge_listen(z->edge, peer, m->from_zhost);
		r = 0;
	} else if (peer != NULL && !is_declared(peer, m->path_name)) {
		r = -ENOENT;
	} else if (peer != NULL && peer->is_ui) {
		r = edge_deliver(z->edge, peer, suffix, suffix != NULL ? strlen(suffix) : 0,
				 m->path_name, m->from, m->payload.data, m->payload.len);
	} else if (peer != NULL && peer->is_open && suffix == NULL) {
		struct resident *to = peer->local;

		if (to->process != NULL)
			r = process_deliver(to->process, m->path_name, m->from, NULL, 0,
					    m->payload.data, m->payload.len);
	}
	if (r < 0)
		z->counters.remote_dropped++;
}
