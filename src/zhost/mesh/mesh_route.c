/* Ways of messages, and what others want to know. */
#include <errno.h>

#include "base/str.h"
#include "zhost/mesh/mesh_objects.h"
#include "zhost/mesh/mesh_share.h"

static struct mesh_path *path_find(const struct mesh_peer *peer, const char *name, size_t size)
{
	vector_for_each (&peer->paths, p)
		if (strlen(p->name) == size && memcmp(p->name, name, size) == 0)
			return p;
	return NULL;
}

bool mesh_peer_is_started(const struct mesh_peer *peer)
{
	return peer->is_open || peer->is_elsewhere;
}

/* The one that serves, here rather than elsewhere; else one that runs; else one that is here. */
static unsigned worth_of(const struct mesh_peer *peer)
{
	if (!mesh_peer_is_started(peer))
		return peer->local != NULL ? 2 : 1;
	if (peer->serves)
		return peer->is_open ? 6 : 5;
	return peer->is_open ? 4 : 3;
}

/* NULL: none is known. */
static struct mesh_peer *best_of(const struct mesh_slot *slot)
{
	struct mesh_peer *best = NULL;

	for (struct mesh_peer *peer = slot->peers; peer != NULL; peer = peer->next)
		if (best == NULL || worth_of(peer) > worth_of(best))
			best = peer;
	return best;
}

/* Of those that take messages here. NULL: none does. */
static struct mesh_peer *best_here(const struct mesh_slot *slot)
{
	struct mesh_peer *best = NULL;

	for (struct mesh_peer *peer = slot->peers; peer != NULL; peer = peer->next)
		if (peer->is_open && (best == NULL || worth_of(peer) > worth_of(best)))
			best = peer;
	return best;
}

/* The copy that last sent something to `sender`, as long as it can be reached: after a handover the
 * former one gets the answers to what it has asked. NULL: there is none. */
static struct mesh_peer *who_asked(const struct mesh_peer *sender, const struct mesh_slot *slot)
{
	struct mesh_peer *asked =
		slot->number < sender->asked_by.count
			? mesh_slot_peer(slot, sender->asked_by.items[slot->number])
			: NULL;

	return asked != NULL && mesh_peer_is_started(asked) ? asked : NULL;
}

void mesh_table_note(struct mesh_peer *to, const char *from, uint64_t epoch)
{
	const struct mesh_slot *slot = epoch != 0 ? mesh_slot_note(to->topology, from) : NULL;

	if (slot == NULL)
		return;
	while (to->asked_by.count <= slot->number)
		(void)vector_add(&to->asked_by);
	to->asked_by.items[slot->number] = epoch;
}

void mesh_table_note_peer(struct mesh_peer *to, const struct mesh_peer *from)
{
	from->slot->has_asked = true;
	while (to->asked_by.count <= from->slot->number)
		(void)vector_add(&to->asked_by);
	to->asked_by.items[from->slot->number] = from->epoch;
}

/* "path#sender": exactly that one, if it is at the other end of the path. */
static int route_exact(const struct mesh_peer *sender, const char *to, size_t to_size,
		       const char *space, struct mesh_route *route)
{
	const char *tilde = memchr(to, '~', to_size);
	size_t path_size = tilde != NULL ? (size_t)(tilde - to) : to_size;
	const struct mesh_slot *slot = mesh_slot_find(sender->topology, to, path_size);
	struct mesh_peer *asked = slot != NULL ? who_asked(sender, slot) : NULL;
	struct mesh_peer *peer = asked != NULL || slot == NULL ? asked : best_of(slot);

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
	/* Pages are where their sessions are, whichever copy serves. */
	return mesh_peer_is_started(peer) && (peer == asked || peer->serves || peer->is_ui)
		       ? 0
		       : -EHOSTUNREACH;
}

static bool is_ui(const struct mesh_space *space)
{
	const peer_vector *list = space->here.count > 0 ? &space->here : &space->elsewhere;

	return list->count > 0 && list->items[0]->is_ui;
}

/* Of those that are apart, like the sender: one on this zhost if there is one, else in turn. NULL: there is none. */
static struct mesh_peer *route_apart(struct mesh_space *space, const struct mesh_slot *but)
{
	struct mesh_peer *found = NULL;

	for (size_t i = 0; i < space->apart.count; i++) {
		struct mesh_peer *peer =
			space->apart.items[(space->turn + i) % space->apart.count];

		if (peer->slot != but && (found == NULL || (peer->is_open && !found->is_open)))
			found = peer;
	}
	space->turn++;
	return found;
}

int mesh_table_route(struct mesh_table *t, const struct mesh_peer *sender, const char *address,
		     size_t address_size, struct mesh_route *ret_route)
{
	const char *hash = memchr(address, '#', address_size);
	size_t name_size = hash != NULL ? (size_t)(hash - address) : address_size;
	struct mesh_path *path = path_find(sender, address, name_size);
	struct mesh_route route = {.path = path};
	struct mesh_space *space;
	peer_vector *list;
	int r;

	*ret_route = route;
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
	/* What goes to pages is for all of them, in whatever version. */
	if (sender->apart && !is_ui(space))
		route.peer = route_apart(space, sender->slot);
	else if (!is_ui(space))
		route.peer = mesh_share_draw(space, sender->slot, &path->drawn);
	if (route.peer != NULL) {
		*ret_route = route;
		return 0;
	}
	list = space->here.count > 0 ? &space->here : &space->elsewhere;
	/* A path from a space to itself means its other instances. */
	for (size_t i = 0; i < list->count; i++) {
		route.peer = list->items[space->turn++ % list->count];
		if (route.peer->slot != sender->slot) {
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
	const struct mesh_topology *topology = mesh_topology_find(t, topology_id);
	const struct mesh_slot *slot =
		topology != NULL ? mesh_slot_find(topology, path, path_size) : NULL;

	return slot != NULL ? best_of(slot) : NULL;
}

struct mesh_peer *mesh_table_find_receiver(struct mesh_table *t, const char *topology_id,
					   const char *path, size_t path_size, uint64_t epoch)
{
	const struct mesh_topology *topology = mesh_topology_find(t, topology_id);
	const struct mesh_slot *slot =
		topology != NULL ? mesh_slot_find(topology, path, path_size) : NULL;
	struct mesh_peer *peer;

	if (slot == NULL)
		return NULL;
	peer = mesh_slot_peer(slot, epoch);
	if (peer != NULL && peer->is_open)
		return peer;
	peer = best_here(slot);
	if (peer == NULL)
		return best_of(slot);
	return peer->serves || epoch == 0 ? peer : NULL;
}

/* NULL: none of that version is started. */
static struct mesh_peer *ui_of_version(const struct mesh_space *space, uint64_t version)
{
	const peer_vector *const lists[] = {&space->here, &space->elsewhere, &space->sharing,
					    &space->apart, &space->leaving};

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		vector_for_each (lists[k], peer)
			if ((*peer)->version == version)
				return *peer;
	return NULL;
}

/* For a page that begins. NULL: none serves. */
static struct mesh_peer *ui_that_serves(const struct mesh_space *space)
{
	const peer_vector *list = space->here.count > 0 ? &space->here : &space->elsewhere;

	return is_ui(space) ? list->items[0] : NULL;
}

static struct mesh_peer *find_ui(struct mesh_table *t, const char *topology_name,
				 size_t topology_name_size, const char *space_name,
				 size_t space_size, uint64_t version, bool draws)
{
	struct name_entry *entry;

	HASH_FIND(hh, t->names, topology_name, topology_name_size, entry);
	for (struct mesh_topology *topology = entry != NULL ? entry->first : NULL;
	     topology != NULL; topology = topology->next) {
		struct mesh_space *space;
		struct mesh_peer *peer = NULL;

		HASH_FIND(hh, topology->spaces, space_name, space_size, space);
		if (space == NULL)
			continue;
		if (version != 0)
			peer = ui_of_version(space, version);
		if (peer == NULL && draws && is_ui(space))
			peer = mesh_share_draw(space, NULL, &space->share.drawn);
		if (peer == NULL)
			peer = ui_that_serves(space);
		if (peer != NULL)
			return peer;
	}
	return NULL;
}

struct mesh_peer *mesh_table_find_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space,
				     size_t space_size, uint64_t version)
{
	return find_ui(t, topology_name, topology_name_size, space, space_size, version, false);
}

struct mesh_peer *mesh_table_draw_ui(struct mesh_table *t, const char *topology_name,
				     size_t topology_name_size, const char *space,
				     size_t space_size, uint64_t version)
{
	return find_ui(t, topology_name, topology_name_size, space, space_size, version, true);
}

uint32_t mesh_table_share(const struct mesh_table *t, const char *topology_id,
			  const char *space_name)
{
	const struct mesh_topology *topology = mesh_topology_find(t, topology_id);
	struct mesh_space *space = NULL;

	if (topology != NULL)
		HASH_FIND_STR(topology->spaces, space_name, space);
	return space != NULL ? space->share.permille : 0;
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

static int by_path(struct mesh_slot *a, struct mesh_slot *b)
{
	return strcmp(a->path, b->path);
}

void mesh_topology_visit(struct mesh_topology *topology, mesh_visit_fn *visit, void *data)
{
	struct mesh_slot *slot, *next;

	HASH_SORT(topology->slots, by_path);
	HASH_ITER (hh, topology->slots, slot, next) {
		const struct mesh_peer *peer = best_of(slot);

		if (peer != NULL && peer->serves && mesh_peer_is_started(peer))
			visit(data, peer);
	}
}

void mesh_table_visit(struct mesh_table *t, mesh_visit_fn *visit, void *data)
{
	struct mesh_topology *topology, *next;

	HASH_ITER (hh, t->topologies, topology, next)
		mesh_topology_visit(topology, visit, data);
}

void mesh_table_visit_local(struct mesh_table *t, mesh_visit_fn *visit, void *data)
{
	for (struct mesh_topology *topology = t->topologies; topology != NULL;
	     topology = topology->hh.next)
		for (struct mesh_slot *slot = topology->slots; slot != NULL;
		     slot = slot->hh.next)
			for (struct mesh_peer *peer = slot->peers; peer != NULL;
			     peer = peer->next)
				if (peer->local != NULL)
					visit(data, peer);
}

size_t mesh_table_count(const struct mesh_table *t)
{
	return t->peers;
}
