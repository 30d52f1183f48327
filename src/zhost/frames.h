/*
 * Where a frame of zrms goes: what the core takes becomes its input
 * (core/agent/agent_frames.h), everything else goes to the part that a table names.
 */
#ifndef SAMOZA_ZHOST_FRAMES_H
#define SAMOZA_ZHOST_FRAMES_H

#include "base/error.h"
#include "port/mesh.h"
#include "zhost/data/data_service.h"
#include "zhost/direct/direct_service.h"
#include "zhost/edge/edge.h"
#include "zhost/exec/exec_service.h"
#include "zhost/log/log_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/mesh/mesh_reports.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/uplink/renewal.h"

/* All borrowed. */
struct frame_parts {
	struct upstream *upstream;
	struct reconcile *reconcile;
	struct mesh *mesh;
	struct mesh_transport *hub; /* of hub_transport_new() */
	struct direct_service *direct;
	struct mesh_reports *mesh_reports;
	const struct space_report *space_report;
	struct data_service *data;
	struct secrets_service *secrets;
	struct log_service *logs;
	struct exec_service *exec;
	struct residents *residents;
	struct edge *edge;
	struct renewal *renewal; /* NULL: there is no certificate */
};

/* `message` is borrowed. ERR_INVALID: only a zhost sends such a frame. PRE: the message is of the
 * type. */
int frames_take(const struct frame_parts *parts, Samoza__V1__FrameType type,
		const ProtobufCMessage *message, struct error **err) must_check;

/* Whether the table names a part for frames of that type. */
bool frames_has_route(Samoza__V1__FrameType type);

#endif
