#include "zrms/mesh_routes.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

struct topology_name {
	char *id, *name;
	UT_hash_handle hh;
};

struct route {
	char *key; /* topology, sender, receiver */
	Samoza__V1__MeshRouteView *view;
	UT_hash_handle hh;
};

struct mesh_routes {
	struct topology_name *names; /* by id */
	struct route *routes;	     /* by key */
	uint64_t left_out;
};

struct mesh_routes *mesh_routes_new(void)
{
	return mem_new(struct mesh_routes);
}

void mesh_routes_free(struct mesh_routes *routes)
{
	struct topology_name *name, *next_name;
	struct route *route, *next;
	if (routes == NULL)
		return;
	HASH_ITER (hh, routes->names, name, next_name) {
		HASH_DEL(routes->names, name);
		free(name->id);
		free(name->name);
		free(name);
	}
	HASH_ITER (hh, routes->routes, route, next) {
		HASH_DEL(routes->routes, route);
		schema_message_free(route->view);
		free(route->key);
		free(route);
	}
	free(routes);
}

void mesh_routes_name(struct mesh_routes *routes, const char *id, const char *name)
{
	struct topology_name *n;
	HASH_FIND_STR(routes->names, id, n);
	if (n != NULL)
		return;
	n = mem_new(struct topology_name);
	n->id = mem_strdup(id);
	n->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, routes->names, n->id, strlen(n->id), n);
}

/* Made where there is none. NULL: its topology has no name, or there are too many. */
static Samoza__V1__MeshRouteView *route_of(struct mesh_routes *routes,
					   const Samoza__V1__MeshRouteState *said)
{
	struct topology_name *name;
	struct route *route;
	HASH_FIND_STR(routes->names, said->topology, name);
	if (name == NULL)
		return NULL;
	CLEANUP(freep) char *key = str_printf("%s %s %s", name->name, said->from, said->to);
	HASH_FIND_STR(routes->routes, key, route);
	if (route != NULL)
		return route->view;
	if (HASH_COUNT(routes->routes) >= MESH_ROUTES_KEPT_MAX) {
		routes->left_out++;
		return NULL;
	}
	route = mem_new(struct route);
	route->key = steal_ptr(&key);
	route->view = (Samoza__V1__MeshRouteView *)schema_message_new(
		&samoza__v1__mesh_route_view__descriptor);
	route->view->topology = mem_strdup(name->name);
	route->view->from = mem_strdup(said->from);
	route->view->to = mem_strdup(said->to);
	HASH_ADD_KEYPTR(hh, routes->routes, route->key, strlen(route->key), route);
	return route->view;
}

static void set_text(char **to, const char *text)
{
	if (text != NULL)
		schema_set_string(to, NULL, text);
}

const char *mesh_way_text(Samoza__V1__MeshBy by)
{
	if (by == SAMOZA__V1__MESH_BY__MESH_BY_NOTHING)
		return "same-zhost";
	return by == SAMOZA__V1__MESH_BY__MESH_BY_LINK ? "direct" : "hub";
}

/* Copies that were replaced count, too, where they are there still. */
static void add_sent(Samoza__V1__MeshRouteView *v, const char *zhost,
		     const Samoza__V1__MeshRouteState *said)
{
	set_text(&v->from_zhost, zhost);
	set_text(&v->to_zhost, said->zhost);
	if (said->has_by)
		set_text(&v->way, mesh_way_text(said->by));
	v->sent_direct += said->sent_direct;
	v->sent_by_hub += said->sent_by_hub;
	v->sent_here += said->sent_here;
	v->refused += said->refused;
}

static void add_received(Samoza__V1__MeshRouteView *v, const char *zhost,
			 const Samoza__V1__MeshRouteState *said)
{
	if (v->from_zhost == NULL)
		set_text(&v->from_zhost, said->zhost);
	if (v->to_zhost == NULL)
		set_text(&v->to_zhost, zhost);
	v->has_received = v->has_dropped = true;
	v->received += said->received;
	v->dropped += said->dropped;
}

void mesh_routes_add(struct mesh_routes *routes, const char *zhost,
		     const Samoza__V1__MeshAnswer *said)
{
	for (size_t i = 0; i < said->n_routes; i++) {
		Samoza__V1__MeshRouteView *view = route_of(routes, said->routes[i]);
		if (view == NULL)
			continue;
		if (said->routes[i]->is_sender)
			add_sent(view, zhost, said->routes[i]);
		else
			add_received(view, zhost, said->routes[i]);
	}
	routes->left_out += said->left_out;
}

static int by_key(const struct route *a, const struct route *b)
{
	return strcmp(a->key, b->key);
}

Samoza__V1__MeshRouteListView *mesh_routes_view(struct mesh_routes *routes)
{
	Samoza__V1__MeshRouteListView *list =
		(Samoza__V1__MeshRouteListView *)schema_message_new(
			&samoza__v1__mesh_route_list_view__descriptor);
	list->routes =
		mem_new_array(Samoza__V1__MeshRouteView *, HASH_COUNT(routes->routes) + 1);
	HASH_SORT(routes->routes, by_key);
	for (struct route *route = routes->routes; route != NULL; route = route->hh.next)
		list->routes[list->n_routes++] = steal_ptr(&route->view);
	list->has_left_out = routes->left_out > 0;
	list->left_out = routes->left_out;
	return list;
}
