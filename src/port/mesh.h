/*
 * Transport of messages between spaces on different zhosts. The mesh of a zhost (zhost/mesh)
 * decides where a message goes; a transport carries it there.
 *
 *   mesh_transport_send(to_zhost) ──► … ──► received() at the transport of that zhost
 *
 * Implementations: through the hub in zrms over the zhost's link (zhost/mesh/hub_transport.h), and
 * simulated (adapter/sim/mesh.h).
 *
 * A message arrives at most once and unchanged; messages of one zhost to another arrive in the
 * order in which they were sent. One that was sent may still be lost, when a connection breaks or
 * the other side takes no more.
 */
#ifndef SAMOZA_PORT_MESH_H
#define SAMOZA_PORT_MESH_H

#include <stddef.h>

#include "base/error.h"
#include "port/frame.h"

struct mesh_transport;

/* `message` is borrowed. */
typedef void mesh_received_fn(void *user, const Samoza__V1__MeshMessage *message);

struct mesh_transport_ops {
	int (*send)(struct mesh_transport *transport, const Samoza__V1__MeshMessage *message);
	size_t (*room)(const struct mesh_transport *transport, const char *zhost);
	void (*free)(struct mesh_transport *transport);
};

/* Implementations begin with it. */
struct mesh_transport {
	const struct mesh_transport_ops *ops;
	mesh_received_fn *received; /* NULL: messages are dropped */
	void *user;
};

/* From now on messages go to `received`, always from the loop. */
static inline void mesh_transport_receive(struct mesh_transport *transport,
					  mesh_received_fn *received, void *user)
{
	transport->received = received;
	transport->user = user;
}

/* To message->to_zhost. As emit_to reports it: 0, -EHOSTUNREACH when there is no way to that
 * zhost now, -EAGAIN when there is no room. */
static inline int mesh_transport_send(struct mesh_transport *transport,
				      const Samoza__V1__MeshMessage *message)
{
	return transport->ops->send(transport, message);
}

/* About how many bytes of messages to that zhost can be sent before -EAGAIN; 0: none, or there is
 * no way. */
static inline size_t mesh_transport_room(const struct mesh_transport *transport,
					 const char *zhost)
{
	return transport->ops->room(transport, zhost);
}

/* NULL is fine. */
static inline void mesh_transport_free(struct mesh_transport *transport)
{
	if (transport != NULL)
		transport->ops->free(transport);
}

/* ---- for who passes messages on ---- */

enum { MESH_ZHOST_NAME_MAX = 255 };

/* The zhost that a MESH_MESSAGE frame is for, without decoding the rest of it. ERR_INVALID: it
 * names none, or cannot be read. */
int mesh_frame_destination(const struct frame *frame,
			   char ret_zhost[static MESH_ZHOST_NAME_MAX + 1],
			   struct error **err) must_check;

#endif
