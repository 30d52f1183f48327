#include "zsim/world/messages.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "model/space_kind.h"
#include "port/mesh.h"
#include "schema/message.h"
#include "zhost/mesh/mesh.h"
#include "zsim/world/event.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* ---- between zhosts ---- */

static int transport_send(struct mesh_transport *transport,
			  const Samoza__V1__MeshMessage *message)
{
	struct sim_machine *n = container_of(transport, struct sim_machine, transport);
	const struct world_hooks *hooks = &n->world->hooks;
	if (n->link_id == 0)
		return -EHOSTUNREACH;
	if (hooks->message_leaves != NULL)
		hooks->message_leaves(hooks->user, n, message);
	ProtobufCMessage *said = older_protocol_from_agent(
		n->protocol, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &message->base);
	sim_link_send(n->world, n->link_id, false, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE,
		      said);
	if (said != &message->base)
		schema_message_free(said);
	return 0;
}

static size_t transport_room(const struct mesh_transport *transport, const char *zhost)
{
	const struct sim_machine *n =
		container_of(transport, const struct sim_machine, transport);
	(void)zhost;
	return n->link_id != 0 ? SIZE_MAX : 0;
}

/* It is a part of its machine. */
static void transport_free(struct mesh_transport *transport)
{
	(void)transport;
}

static const struct mesh_transport_ops transport_ops = {
	.send = transport_send, .room = transport_room, .free = transport_free};

/* As zrms/hub.c. */
void messages_forward(struct world *w, const struct sim_link *from, const struct sim_event *h,
		      const ProtobufCMessage *message)
{
	CLEANUP(error_freep) struct error *err = NULL;
	char zhost[MESH_ZHOST_NAME_MAX + 1];
	struct frame frame;
	if (!from->is_member)
		return;
	if (frame_next(h->data, h->size, &frame, &err) <= 0 ||
	    mesh_frame_destination(&frame, zhost, &err) < 0) {
		world_violate(w, "zrms cannot tell for whom a message is: %s",
			      err != NULL ? err->message : "it is not whole");
		return;
	}
	sim_link_send(w, control_link_of(w->control, zhost), true,
		      SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, message);
}

/* ---- the mesh of a zhost ---- */

void messages_begin(struct sim_machine *n)
{
	n->transport.ops = &transport_ops;
	n->mesh = mesh_new(NULL, n->name, &n->transport);
}

void messages_end(struct sim_machine *n)
{
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		messages_leave(p);
	mesh_free(steal_ptr(&n->mesh));
}

static void take_table(struct world *w, struct sim_machine *n,
		       const Samoza__V1__MeshTable *table)
{
	Samoza__V1__MeshApplied applied = SAMOZA__V1__MESH_APPLIED__INIT;
	mesh_table_apply(mesh_table(n->mesh), table);
	if (!table->confirm)
		return;
	applied.topology = table->topology;
	applied.version = table->version;
	sim_link_send(w, n->link_id, false, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED,
		      &applied.base);
}

static void take_message(struct world *w, struct sim_machine *n,
			 const Samoza__V1__MeshMessage *message)
{
	uint64_t dropped = mesh_counters(n->mesh).remote_dropped;
	n->transport.received(n->transport.user, message);
	if (mesh_counters(n->mesh).remote_dropped > dropped && w->hooks.message_dropped != NULL)
		w->hooks.message_dropped(w->hooks.user, n, message);
}

void messages_take(struct world *w, struct sim_machine *n, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE)
		take_table(w, n, (const Samoza__V1__MeshTable *)message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC)
		mesh_table_sync(mesh_table(n->mesh),
				((const Samoza__V1__MeshSync *)message)->kept);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		take_message(w, n, (const Samoza__V1__MeshMessage *)message);
}

/* ---- a process in it ---- */

static int on_deliver(struct mesh_receiver *receiver, const char *path_name, const char *sender,
		      const char *sender_suffix, size_t sender_suffix_size, const void *payload,
		      size_t size)
{
	struct sim_process *p = container_of(receiver, struct sim_process, receiver);
	struct world *w = p->machine->world;
	(void)sender_suffix; /* there are no pages */
	(void)sender_suffix_size;
	world_log(w, "%s on %s under epoch %llu gets '%.*s' from %s#%s", p->name,
		  p->machine->name, (unsigned long long)p->epoch, (int)size,
		  (const char *)payload, path_name, sender);
	return w->hooks.message_arrives != NULL
		       ? w->hooks.message_arrives(w->hooks.user, p, path_name, sender, payload,
						  size)
		       : 0;
}

void messages_join(struct sim_machine *n, struct sim_process *p,
		   const Samoza__V1__InstanceKey *key, const Samoza__V1__InstanceSpec *spec)
{
	if (!space_kind_of(spec->type)->is_in_mesh)
		return;
	PRE(p->peer == NULL);
	p->machine = n;
	p->receiver.deliver = on_deliver;
	p->peer = mesh_table_join(mesh_table(n->mesh), key, spec, &p->receiver);
}

void messages_started(struct sim_process *p)
{
	if (p->peer != NULL)
		mesh_table_open(mesh_table(p->machine->mesh), p->peer, true);
}

void messages_serve(struct sim_process *p, bool serves)
{
	if (p->peer != NULL)
		mesh_table_serve(mesh_table(p->machine->mesh), p->peer, serves);
}

void messages_stop(struct sim_process *p)
{
	if (p->peer != NULL && (p->peer->serves || p->exclusive))
		mesh_table_open(mesh_table(p->machine->mesh), p->peer, false);
}

void messages_leave(struct sim_process *p)
{
	if (p->peer != NULL)
		mesh_table_leave(mesh_table(p->machine->mesh), steal_ptr(&p->peer));
}

int messages_emit(struct sim_machine *n, const struct sim_process *p, const char *address,
		  const char *payload)
{
	PRE(machine_executes(n));
	if (p->peer == NULL)
		return -EHOSTUNREACH;
	return mesh_emit(n->mesh, p->peer, NULL, address, strlen(address), payload,
			 strlen(payload));
}
