#include "zhost/mesh/mesh_table.h"

#include <errno.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/space_kind.h"

typedef VECTOR(struct mesh_peer *) peer_vector;

struct mesh_space {
	char *name;
	peer_vector here, elsewhere; /* borrowed, started */
	size_t turn;
	UT_hash_handle hh;
};

struct peer_entry {
	struct mesh_peer peer; /* first */
	UT_hash_handle hh;
};

struct mesh_topology {
	char *id, *name;
	uint64_t version;
	bool is_confirmed;	    /* said since the link began */
	struct peer_entry *peers;   /* by path */
	struct mesh_space *spaces;  /* by name; they stay while the topology does */
	struct mesh_topology *next; /* of the same name */
	UT_hash_handle hh;
};

struct name_entry {
	char *name;
	struct mesh_topology *first; /* borrowed */
	UT_hash_handle hh;
};

struct mesh_table {
	char *own_zhost;
	struct mesh_topology *topologies; /* by id */
	struct name_entry *names;
	size_t peers;
};

struct mesh_table *mesh_table_new(const char *own_zhost)
{
	struct mesh_table *t = mem_new(struct mesh_table);

	t->own_zhost = mem_strdup(own_zhost);
	return t;
}

/* ---- peers and the lists of their space ---- */

static void list_remove(peer_vector *list, const struct mesh_peer *peer)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == peer) {
			vector_remove_at(list, i);
			return;
		}
}

/* Keeps a list in the order of paths, so that the same peers give the same turns. */
static void list_insert(peer_vector *list, struct mesh_peer *peer)
{
	size_t i = list->count;

	(void)vector_add(list);
	while (i > 0 && strcmp(list->items[i - 1]->path, peer->path) > 0) {
		list->items[i] = list->items[i - 1];
		i--;
	}
	list->items[i] = peer;
}

static void peer_unlist(struct mesh_peer *peer)
{
	list_remove(&peer->space->here, peer);
	list_remove(&peer->space->elsewhere, peer);
}

/* A peer that the hub lists at this zhost but that does not run here cannot be reached. */
static void peer_relist(const struct mesh_table *t, struct mesh_peer *peer)
{
	peer_unlist(peer);
	peer->is_elsewhere =
		!peer->is_open && peer->zhost != NULL && strcmp(peer->zhost, t->own_zhost) != 0;
	if (peer->is_open)
		list_insert(&peer->space->here, peer);
	else if (peer->is_elsewhere)
		list_insert(&peer->space->elsewhere, peer);
}

static void paths_clear(struct mesh_peer *peer)
{
	vector_for_each (&peer->paths, p) {
		free(p->name);
		free(p->space);
	}
	vector_clear(&peer->paths);
}

static void paths_set(struct mesh_peer *peer, Samoza__V1__PathEnd *const *paths, size_t n)
{
	paths_clear(peer);
	for (size_t i = 0; i < n; i++)
		vector_push(&peer->paths,
			    ((struct mesh_path){.name = mem_strdup(paths[i]->name),
						.space = mem_strdup(paths[i]->space)}));
}

static void assets_clear(struct mesh_peer *peer)
{
	vector_for_each (&peer->assets, a) {
		free(a->name);
		free(a->digest);
	}
	vector_clear(&peer->assets);
}

static void assets_set(struct mesh_peer *peer, Samoza__V1__AssetFile *const *assets, size_t n)
{
	assets_clear(peer);
	for (size_t i = 0; i < n; i++)
		vector_push(&peer->assets,
			    ((struct mesh_asset){.name = mem_strdup(assets[i]->name),
						 .digest = mem_strdup(assets[i]->digest),
						 .size_bytes = assets[i]->size_bytes}));
}

static struct mesh_space *space_get(struct mesh_topology *topology, const char *name)
{
	struct mesh_space *space;

	HASH_FIND_STR(topology->spaces, name, space);
	if (space == NULL) {
		space = mem_new(struct mesh_space);
		space->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, topology->spaces, space->name, strlen(space->name), space);
	}
	return space;
}

static struct mesh_peer *peer_find(const struct mesh_topology *topology, const char *path,
				   size_t size)
{
	struct peer_entry *entry;

	HASH_FIND(hh, topology->peers, path, size, entry);
	return entry != NULL ? &entry->peer : NULL;
}

static struct mesh_peer *peer_get(struct mesh_table *t, struct mesh_topology *topology,
				  const char *path, const char *space)
{
	struct mesh_peer *peer = peer_find(topology, path, strlen(path));
	struct peer_entry *entry;

	if (peer != NULL) {
		if (strcmp(peer->space->name, space) != 0) {
			peer_unlist(peer);
			peer->space = space_get(topology, space);
		}
		return peer;
	}
	entry = mem_new(struct peer_entry);
	peer = &entry->peer;
	peer->topology = topology;
	peer->path = mem_strdup(path);
	peer->space = space_get(topology, space);
	HASH_ADD_KEYPTR(hh, topology->peers, peer->path, strlen(peer->path), entry);
	t->peers++;
	return peer;
}

static void peer_delete(struct mesh_table *t, struct mesh_peer *peer)
{
	struct peer_entry *entry = (struct peer_entry *)peer;

	peer_unlist(peer);
	HASH_DEL(peer->topology->peers, entry);
	paths_clear(peer);
	vector_done(&peer->paths);
	assets_clear(peer);
	vector_done(&peer->assets);
	free(peer->path);
	free(peer->zhost);
	free(entry);
	t->peers--;
}

/* ---- topologies ---- */

static void name_add(struct mesh_table *t, struct mesh_topology *topology)
{
	struct name_entry *entry;

	HASH_FIND_STR(t->names, topology->name, entry);
	if (entry == NULL) {
		entry = mem_new(struct name_entry);
		entry->name = mem_strdup(topology->name);
		HASH_ADD_KEYPTR(hh, t->names, entry->name, strlen(entry->name), entry);
	}
	topology->next = entry->first;
	entry->first = topology;
}

static void name_remove(struct mesh_table *t, struct mesh_topology *topology)
{
	struct name_entry *entry;
	struct mesh_topology **link;

	HASH_FIND_STR(t->names, topology->name, entry);
	INVARIANT(entry != NULL);
	for (link = &entry->first; *link != topology; link = &(*link)->next)
		INVARIANT(*link != NULL);
	*link = topology->next;
	if (entry->first == NULL) {
		HASH_DEL(t->names, entry);
		free(entry->name);
		free(entry);
	}
}

static struct mesh_topology *topology_get(struct mesh_table *t, const char *id,
					  const char *name)
{
	struct mesh_topology *topology;

	HASH_FIND_STR(t->topologies, id, topology);
	if (topology == NULL) {
		topology = mem_new(struct mesh_topology);
		topology->id = mem_strdup(id);
		topology->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, t->topologies, topology->id, strlen(topology->id),
				topology);
		name_add(t, topology);
	}
	return topology;
}

static void topology_delete(struct mesh_table *t, struct mesh_topology *topology)
{
	struct peer_entry *entry, *next_entry;
	struct mesh_space *space, *next_space;

	HASH_ITER (hh, topology->peers, entry, next_entry)
		peer_delete(t, &entry->peer);
	HASH_ITER (hh, topology->spaces, space, next_space) {
		HASH_DEL(topology->spaces, space);
		vector_done(&space->here);
		vector_done(&space->elsewhere);
		free(space->name);
		free(space);
	}
	name_remove(t, topology);
	HASH_DEL(t->topologies, topology);
	free(topology->id);
	free(topology->name);
	free(topology);
}

void mesh_table_free(struct mesh_table *t)
{
	struct mesh_topology *topology, *next;

	if (t == NULL)
		return;
	HASH_ITER (hh, t->topologies, topology, next)
		topology_delete(t, topology);
	free(t->own_zhost);
	free(t);
}

/* ---- frames ---- */

static void peer_forget_hub(struct mesh_table *t, struct mesh_peer *peer)
{
	if (peer->local == NULL) {
		peer_delete(t, peer);
		return;
	}
	peer->listed = false;
	peer->said_sum = 0;
	free(peer->zhost);
	peer->zhost = NULL;
	peer_relist(t, peer);
}

static bool has_pages(Samoza__V1__SpaceType type)
{
	const struct space_kind *kind = space_kind_of(type);
	return kind != NULL && kind->has_pages;
}

static void peer_apply(struct mesh_table *t, struct mesh_topology *topology,
		       const Samoza__V1__MeshPeer *said)
{
	struct mesh_peer *peer;

	if (said->zhost == NULL) {
		peer = peer_find(topology, said->path, strlen(said->path));
		if (peer != NULL)
			peer_forget_hub(t, peer);
		return;
	}
	peer = peer_get(t, topology, said->path, said->space);
	peer->listed = true;
	peer->said_sum = mesh_peer_sum(said);
	free(peer->zhost);
	peer->zhost = mem_strdup(said->zhost);
	/* What runs here knows its own placement best. */
	if (peer->local == NULL) {
		peer->epoch = said->epoch;
		peer->is_ui = said->has_type && has_pages(said->type);
		paths_set(peer, said->paths, said->n_paths);
		assets_set(peer, said->assets, said->n_assets);
	}
	peer_relist(t, peer);
}

static void topology_forget_hub(struct mesh_table *t, struct mesh_topology *topology)
{
	struct peer_entry *entry, *next;

	HASH_ITER (hh, topology->peers, entry, next)
		peer_forget_hub(t, &entry->peer);
}

void mesh_table_apply(struct mesh_table *t, const Samoza__V1__MeshTable *frame)
{
	struct mesh_topology *topology;
	bool gone = frame->has_gone && frame->gone;

	HASH_FIND_STR(t->topologies, frame->topology, topology);
	if (topology == NULL && gone)
		return;
	if (topology != NULL && !gone && !frame->full && frame->version < topology->version)
		return;
	topology = topology_get(t, frame->topology, frame->topology_name);
	topology->version = gone ? 0 : frame->version;
	topology->is_confirmed = true;
	if (gone || frame->full)
		topology_forget_hub(t, topology);
	for (size_t i = 0; !gone && i < frame->n_peers; i++)
		peer_apply(t, topology, frame->peers[i]);
	if (topology->peers == NULL)
		topology_delete(t, topology);
}

/* ---- a link begins ---- */

static bool add_sum(const struct mesh_topology *topology, uint64_t *sum)
{
	struct peer_entry *entry, *next;
	bool any = false;

	*sum = mesh_topology_sum(topology->id);
	HASH_ITER (hh, topology->peers, entry, next) {
		any |= entry->peer.listed;
		*sum += entry->peer.said_sum;
	}
	return any;
}

void mesh_table_begin_link(struct mesh_table *t, uint64_t ret_sums[MESH_PARTS])
{
	struct mesh_topology *topology, *next;

	memset(ret_sums, 0, MESH_PARTS * sizeof(*ret_sums));
	HASH_ITER (hh, t->topologies, topology, next) {
		uint64_t sum;

		if (add_sum(topology, &sum))
			ret_sums[mesh_part(topology->id)] += sum;
		topology->version = 0;
		topology->is_confirmed = false;
	}
}

void mesh_table_sync(struct mesh_table *t, uint64_t kept)
{
	struct mesh_topology *topology, *next;

	HASH_ITER (hh, t->topologies, topology, next) {
		if (topology->is_confirmed || (kept >> mesh_part(topology->id) & 1) != 0)
			continue;
		topology_forget_hub(t, topology);
		if (topology->peers == NULL)
			topology_delete(t, topology);
	}
}

/* ---- what runs here ---- */

struct mesh_peer *mesh_table_join(struct mesh_table *t, const Samoza__V1__InstanceKey *key,
				  const Samoza__V1__InstanceSpec *spec,
				  struct mesh_receiver *local)
{
	struct mesh_topology *topology = topology_get(t, key->topology, spec->topology_name);
	struct mesh_peer *peer = peer_get(t, topology, key->path, spec->space);

	PRE(local != NULL);
	peer->local = local;
	peer->is_ui = has_pages(spec->type);
	peer->epoch = key->epoch;
	paths_set(peer, spec->paths, spec->n_paths);
	assets_set(peer, spec->assets, spec->n_assets);
	peer_relist(t, peer);
	return peer;
}

void mesh_table_open(struct mesh_table *t, struct mesh_peer *peer, bool is_open)
{
	if (peer == NULL)
		return;
	PRE(peer->local != NULL);
	peer->is_open = is_open;
	peer_relist(t, peer);
}

void mesh_table_leave(struct mesh_table *t, struct mesh_peer *peer)
{
	struct mesh_topology *topology;

	if (peer == NULL)
		return;
	topology = peer->topology;
	peer->local = NULL;
	peer->is_open = false;
	/* What the hub says of a place here that does not run is of no use; of another place
	 * (it was re-placed meanwhile) it is. */
	if (peer->zhost == NULL || strcmp(peer->zhost, t->own_zhost) == 0)
		peer_delete(t, peer);
	else
		peer_relist(t, peer);
	if (topology->peers == NULL)
		topology_delete(t, topology);
}

/* ---- routing ---- */

static const struct mesh_path *path_find(const struct mesh_peer *peer, const char *name,
					 size_t size)
{
	vector_for_each (&peer->paths, p)
		if (strlen(p->name) == size && memcmp(p->name, name, size) == 0)
			return p;
	return NULL;
}

/* "path#sender": exactly that one, if it is at the other end of the path. */
static int route_exact(const struct mesh_peer *sender, const char *to, size_t to_size,
		       const char *space, struct mesh_route *route)
{
	const char *tilde = memchr(to, '~', to_size);
	size_t path_size = tilde != NULL ? (size_t)(tilde - to) : to_size;
	const struct mesh_peer *peer = peer_find(sender->topology, to, path_size);

	/* It may have been there a moment ago: the path exists, the receiver does not answer. */
	if (peer == NULL)
		return path_size == 0 ? -EINVAL : -EHOSTUNREACH;
	if (strcmp(peer->space->name, space) != 0)
		return -ENOENT;
	route->peer = peer;
	route->suffix = tilde;
	route->suffix_size = to_size - path_size;
	if (tilde != NULL && !peer->is_ui)
		return -ENOENT;
	return mesh_peer_is_started(peer) ? 0 : -EHOSTUNREACH;
}

int mesh_table_route(struct mesh_table *t, const struct mesh_peer *sender, const char *address,
		     size_t address_size, struct mesh_route *ret_route)
{
	const char *hash = memchr(address, '#', address_size);
	size_t name_size = hash != NULL ? (size_t)(hash - address) : address_size;
	const struct mesh_path *path = path_find(sender, address, name_size);
	struct mesh_route route = {0};
	struct mesh_space *space;
	peer_vector *list;
	int r;

	if (path == NULL)
		return -ENOENT;
	route.name = path->name;
	if (hash != NULL) {
		r = route_exact(sender, hash + 1, address_size - name_size - 1, path->space,
				&route);
		if (r == 0)
			*ret_route = route;
		return r;
	}
	HASH_FIND_STR(sender->topology->spaces, path->space, space);
	if (space == NULL)
		return -EHOSTUNREACH;
	list = space->here.count > 0 ? &space->here : &space->elsewhere;
	/* A path from a space to itself means its other instances. */
	for (size_t i = 0; i < list->count; i++) {
		route.peer = list->items[space->turn++ % list->count];
		if (route.peer != sender) {
			*ret_route = route;
			return 0;
		}
	}
	if (list == &space->here && space->elsewhere.count > 0) {
		route.peer = space->elsewhere.items[space->turn++ % space->elsewhere.count];
		*ret_route = route;
		return 0;
	}
	return -EHOSTUNREACH;
}

struct mesh_peer *mesh_table_find(struct mesh_table *t, const char *topology_id,
				  const char *path, size_t path_size)
{
	struct mesh_topology *topology;

	HASH_FIND_STR(t->topologies, topology_id, topology);
	return topology != NULL ? peer_find(topology, path, path_size) : NULL;
}

bool mesh_peer_is_started(const struct mesh_peer *peer)
{
	return peer->is_open || peer->is_elsewhere;
}

struct mesh_peer *mesh_table_find_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space_name,
				     size_t space_size)
{
	struct name_entry *entry;

	HASH_FIND(hh, t->names, topology_name, topology_name_size, entry);
	for (struct mesh_topology *topology = entry != NULL ? entry->first : NULL;
	     topology != NULL; topology = topology->next) {
		struct mesh_space *space;
		peer_vector *list;

		HASH_FIND(hh, topology->spaces, space_name, space_size, space);
		if (space == NULL)
			continue;
		list = space->here.count > 0 ? &space->here : &space->elsewhere;
		if (list->count > 0 && list->items[0]->is_ui)
			return list->items[0];
	}
	return NULL;
}

const char *mesh_topology_id(const struct mesh_topology *topology)
{
	return topology->id;
}

const char *mesh_topology_name(const struct mesh_topology *topology)
{
	return topology->name;
}

const char *mesh_space_name(const struct mesh_space *space)
{
	return space->name;
}

static int peer_entry_compare(struct peer_entry *a, struct peer_entry *b)
{
	return strcmp(a->peer.path, b->peer.path);
}

void mesh_topology_visit(struct mesh_topology *topology, mesh_visit_fn *visit, void *data)
{
	struct peer_entry *entry, *next;

	HASH_SORT(topology->peers, peer_entry_compare);
	HASH_ITER (hh, topology->peers, entry, next)
		if (mesh_peer_is_started(&entry->peer))
			visit(data, &entry->peer);
}

void mesh_table_visit(struct mesh_table *t, mesh_visit_fn *visit, void *data)
{
	struct mesh_topology *topology, *next;

	HASH_ITER (hh, t->topologies, topology, next)
		mesh_topology_visit(topology, visit, data);
}

size_t mesh_table_count(const struct mesh_table *t)
{
	return t->peers;
}
