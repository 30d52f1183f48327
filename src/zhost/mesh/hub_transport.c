#include "zhost/mesh/hub_transport.h"

#include "base/memory.h"

/* Bytes that may wait on the link before a message is refused with -EAGAIN. */
#define WAITING_MAX ((size_t)4 * 1024 * 1024)

struct hub_transport {
	struct mesh_transport transport; /* first */
	struct upstream *upstream;
};

/* Whether the other zhost is connected only the hub knows: it drops what it cannot pass on. */
static int hub_send(struct mesh_transport *transport, const Samoza__V1__MeshMessage *message)
{
	struct hub_transport *t = (struct hub_transport *)transport;
	return upstream_pass(t->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE,
			     &message->base, WAITING_MAX);
}

static size_t hub_room(const struct mesh_transport *transport, const char *zhost)
{
	const struct hub_transport *t = (const struct hub_transport *)transport;
	(void)zhost; /* one link for all */
	if (!upstream_passes(t->upstream))
		return 0;
	size_t waiting = upstream_waiting(t->upstream);
	return waiting < WAITING_MAX ? WAITING_MAX - waiting : 0;
}

static void hub_free(struct mesh_transport *transport)
{
	free(transport);
}

static const struct mesh_transport_ops ops = {
	.send = hub_send, .room = hub_room, .free = hub_free};

struct mesh_transport *hub_transport_new(struct upstream *upstream)
{
	struct hub_transport *t = mem_new(struct hub_transport);
	t->transport.ops = &ops;
	t->upstream = upstream;
	return &t->transport;
}

void hub_transport_take(struct mesh_transport *transport,
			const Samoza__V1__MeshMessage *message)
{
	if (transport->received != NULL)
		transport->received(transport->user, message);
}
