/*
 * Routes of messages, put together of what the zhosts of senders and of receivers say.
 *
 *   n1: api -> store sent 10      ─┐
 *   n2: api -> store received 10  ─┴─►  api at n1 -> store at n2: sent 10, received 10
 */
#ifndef SAMOZA_ZRMS_MESH_ROUTES_H
#define SAMOZA_ZRMS_MESH_ROUTES_H

#include "proto/view.pb-c.h"
#include "proto/wire.pb-c.h"

enum { MESH_ROUTES_KEPT_MAX = 50000 }; /* further ones are counted as left out */

struct mesh_routes;

struct mesh_routes *mesh_routes_new(void);
/* NULL is fine. */
void mesh_routes_free(struct mesh_routes *routes);
/* That a topology is called so; routes of those without a name are left out. */
void mesh_routes_name(struct mesh_routes *routes, const char *id, const char *name);
/* What that zhost says. */
void mesh_routes_add(struct mesh_routes *routes, const char *zhost,
		     const Samoza__V1__MeshAnswer *said);
/* Of a way, for people: "direct". */
const char *mesh_way_text(Samoza__V1__MeshBy by);
/* By topology, sender and receiver. The caller frees. */
Samoza__V1__MeshRouteListView *mesh_routes_view(struct mesh_routes *routes);

#endif
