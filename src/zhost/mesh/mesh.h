/*
 * Delivery of messages between instances ([guest-abi.net.emit_to]; docs/mesh.md).
 *
 *   zrun ─ EMIT ─► mesh_emit ─ here ─► process_deliver ─► MESSAGE ─► zrun
 *                      │ └─ a page ──► edge ─► browser
 *                      └─ elsewhere ─► MESH_MESSAGE ─► hub ─► mesh_take at the other zhost
 *
 * At most once, in order per sender and receiver: everything goes through one buffer each.
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_H
#define SAMOZA_ZHOST_MESH_MESH_H

#include "zhost/zhost.h"

/* Bytes that may wait for the hub before a message is refused with -EAGAIN. */
#define MESH_LINK_ROOM ((size_t)4 * 1024 * 1024)

/* `sender_suffix`: "~SESSION" when a page of the UI space `sender` emits, else NULL.
 * 0 or a negative errno as `emit_to` gives it. */
int mesh_emit(struct zhost *z, const struct mesh_peer *sender, const char *sender_suffix,
	      const char *address, size_t address_size, const void *payload, size_t size);
/* A MESH_MESSAGE of the hub. */
void mesh_take(struct zhost *z, const Samoza__V1__MeshMessage *message);

#endif
