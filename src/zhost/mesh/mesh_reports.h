/*
 * What this zhost tells of its messages when zrms asks (`mesh ping`, `mesh peers`, `mesh routes`).
 *
 *   MESH_QUERY peers, routes ─► tallies of the mesh, ways of its transport ─► MESH_ANSWER
 *   MESH_QUERY ping ─► MESH_MESSAGE ping ─► the other zhost ─► MESH_MESSAGE pong ─► …, and once all are there MESH_ANSWER
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_REPORTS_H
#define SAMOZA_ZHOST_MESH_MESH_REPORTS_H

#include "zhost/mesh/mesh.h"
#include "zhost/uplink/upstream.h"

enum {
	MESH_PROBES_MAX = 64, /* pinged at a time */
	MESH_PINGS_MAX = 100, /* of one query */
	MESH_ROUTES_MAX = 10000,
};

struct mesh_reports;

/* All borrowed. */
struct mesh_reports *mesh_reports_new(struct loop *loop, struct mesh *mesh,
				      struct upstream *upstream);
/* NULL is fine. */
void mesh_reports_free(struct mesh_reports *reports);
void mesh_reports_take(struct mesh_reports *reports, const Samoza__V1__MeshQuery *query);
/* Nobody waits for an answer any more. */
void mesh_reports_disconnected(struct mesh_reports *reports);

#endif
