#include "zhost/edge/broadcast.h"

#include "base/str.h"
#include "base/vector.h"
#include "zhost/mesh/mesh.h"

struct listener {
	char *topology, *space, *zhost; /* topology: id */
	int64_t until_ms;
};

struct broadcast {
	const char *zhost;
	struct mesh_transport *transport;
	VECTOR(struct listener) listeners;
};

struct broadcast *broadcast_new(const char *zhost, struct mesh_transport *transport)
{
	struct broadcast *b = mem_new(struct broadcast);

	b->zhost = zhost;
	b->transport = transport;
	return b;
}

static void listener_done(struct listener *l)
{
	free(l->topology);
	free(l->space);
	free(l->zhost);
}

void broadcast_free(struct broadcast *b)
{
	if (b == NULL)
		return;
	vector_for_each (&b->listeners, l) {
		listener_done(l);
	}
	vector_done(&b->listeners);
	free(b);
}

static int send_to(struct broadcast *b, const struct mesh_peer *peer, const char *path_name,
		   const char *from, const char *to, const char *zhost, const void *payload,
		   size_t size)
{
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;

	m.topology = (char *)mesh_topology_id(peer->topology);
	m.path_name = (char *)path_name;
	m.from = (char *)from;
	m.to = (char *)to;
	m.to_zhost = (char *)zhost;
	m.from_zhost = (char *)b->zhost;
	m.payload.data = (uint8_t *)payload;
	m.payload.len = size;
	return mesh_transport_send(b->transport, &m);
}

void broadcast_notify(struct broadcast *b, const struct mesh_peer *peer)
{
	if (!peer->is_open && peer->zhost != NULL)
		(void)send_to(b, peer, "", peer->path, peer->path, peer->zhost, "+", 1);
}

static bool is_of(const struct listener *l, const struct mesh_peer *peer)
{
	return strcmp(l->topology, mesh_topology_id(peer->topology)) == 0 &&
	       strcmp(l->space, mesh_space_name(peer->space)) == 0;
}

void broadcast_listen(struct broadcast *b, const struct mesh_peer *peer, const char *zhost,
		      int64_t now_ms)
{
	vector_for_each (&b->listeners, l)
		if (is_of(l, peer) && strcmp(l->zhost, zhost) == 0) {
			l->until_ms = now_ms + BROADCAST_KEPT_MS;
			return;
		}
	if (b->listeners.count < BROADCAST_LISTENERS_MAX)
		vector_push(&b->listeners,
			    ((struct listener){
				    .topology = mem_strdup(mesh_topology_id(peer->topology)),
				    .space = mem_strdup(mesh_space_name(peer->space)),
				    .zhost = mem_strdup(zhost),
				    .until_ms = now_ms + BROADCAST_KEPT_MS}));
}

unsigned broadcast_pass_on(struct broadcast *b, const struct mesh_peer *peer,
			   const char *path_name, const char *from, const void *payload,
			   size_t size, int64_t now_ms)
{
	CLEANUP(freep) char *to = str_printf("%s%s", peer->path, BROADCAST_SUFFIX);
	unsigned count = 0;

	for (size_t i = 0; i < b->listeners.count;) {
		struct listener *l = &b->listeners.items[i];

		if (l->until_ms < now_ms) {
			listener_done(l);
			vector_remove_at(&b->listeners, i);
			continue;
		}
		if (is_of(l, peer) && mesh_transport_room(b->transport, l->zhost) > 0 &&
		    send_to(b, peer, path_name, from, to, l->zhost, payload, size) == 0)
			count++;
		i++;
	}
	return count;
}
