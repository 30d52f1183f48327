/*
 * Messages to other zhosts through the hub in zrms (port/mesh.h), over the link of this zhost.
 */
#ifndef SAMOZA_ZHOST_MESH_HUB_TRANSPORT_H
#define SAMOZA_ZHOST_MESH_HUB_TRANSPORT_H

#include "port/mesh.h"
#include "zhost/uplink/upstream.h"

/* Borrowed. */
struct mesh_transport *hub_transport_new(struct upstream *upstream);
/* A MESH_MESSAGE of the link has arrived; borrowed. */
void hub_transport_take(struct mesh_transport *transport,
			const Samoza__V1__MeshMessage *message);

#endif
