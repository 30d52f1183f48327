/*
 * Messages between spaces: zhosts run the mesh of the product (zhost/mesh/mesh.h), zrms passes on.
 *
 *   messages_emit ──► mesh_emit ──┬─ runs here ─────────────────────────────► hooks.message_arrives
 *                                 └─ MESH_MESSAGE ─link─► zrms ─link─► mesh ──┴─► hooks.message_dropped
 *
 * A process is in the mesh of its zhost as a resident is (zhost/space/resident.c): from its start on it can
 * send, from the end of the start until it is asked to stop it is reached; one that does not serve is
 * reached until it has stopped (zhost/space/farewell.h).
 */
#ifndef SAMOZA_ZSIM_WORLD_MESSAGES_H
#define SAMOZA_ZSIM_WORLD_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.pb-c.h"

struct sim_event;
struct sim_link;
struct sim_machine;
struct sim_process;
struct world;

/* ---- the mesh of a zhost ---- */

void messages_begin(struct sim_machine *n);
/* Its zhost is gone; its processes are in no mesh. Also where there was none. */
void messages_end(struct sim_machine *n);
/* A frame of the mesh has come; others are ignored. */
void messages_take(struct world *w, struct sim_machine *n, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message);

/* ---- a process in it ---- */

/* Nothing for kinds that have no messages. */
void messages_join(struct sim_machine *n, struct sim_process *p,
		   const Samoza__V1__InstanceKey *key, const Samoza__V1__InstanceSpec *spec);
void messages_started(struct sim_process *p);
void messages_serve(struct sim_process *p, bool serves);
/* It is asked to stop. */
void messages_stop(struct sim_process *p);
void messages_leave(struct sim_process *p);

/* As emit_to of the guest reports it. PRE: its zhost executes. */
int messages_emit(struct sim_machine *n, const struct sim_process *p, const char *address,
		  const char *payload);

/* ---- the hub in zrms ---- */

/* From that link. */
void messages_forward(struct world *w, const struct sim_link *from, const struct sim_event *h,
		      const ProtobufCMessage *message);

#endif
