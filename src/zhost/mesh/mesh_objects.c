#include "zhost/mesh/mesh_objects.h"

#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* ---- peers and the lists of their space ---- */

static void list_remove(peer_vector *list, const struct mesh_peer *peer)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == peer) {
			vector_remove_at(list, i);
			return;
		}
}

static bool comes_before(const struct mesh_peer *peer, const struct mesh_peer *other)
{
	int order = strcmp(peer->path, other->path);

	return order < 0 || (order == 0 && peer->epoch < other->epoch);
}

/* Keeps a list in the order of paths, so that the same peers give the same turns. */
static void list_insert(peer_vector *list, struct mesh_peer *peer)
{
	size_t i = list->count;

	(void)vector_add(list);
	while (i > 0 && comes_before(peer, list->items[i - 1])) {
		list->items[i] = list->items[i - 1];
		i--;
	}
	list->items[i] = peer;
}

static void peer_unlist(struct mesh_peer *peer)
{
	list_remove(&peer->space->here, peer);
	list_remove(&peer->space->elsewhere, peer);
	list_remove(&peer->space->leaving, peer);
	list_remove(&peer->space->sharing, peer);
	list_remove(&peer->space->apart, peer);
}

/* A peer that the hub lists at this zhost but that does not run here cannot be reached. */
void mesh_peer_relist(const struct mesh_table *t, struct mesh_peer *peer)
{
	peer_unlist(peer);
	peer->is_elsewhere =
		!peer->is_open && peer->zhost != NULL && strcmp(peer->zhost, t->own_zhost) != 0;
	if (!peer->serves) {
		if (peer->leaves && peer->is_ui && (peer->is_open || peer->is_elsewhere))
			list_insert(&peer->space->leaving, peer);
		else if (peer->shares && (peer->is_open || peer->is_elsewhere))
			list_insert(&peer->space->sharing, peer);
		else if (peer->apart && (peer->is_open || peer->is_elsewhere))
			list_insert(&peer->space->apart, peer);
		return;
	}
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

/* Where the sender begins to draw: so that many that send little do not all draw the same. */
static uint32_t phase_of(const char *path, uint64_t epoch, const char *name)
{
	return (uint32_t)((str_hash(path) + str_hash(name) + epoch * 618) % 1000);
}

void mesh_peer_set_paths(struct mesh_peer *peer, Samoza__V1__PathEnd *const *paths,
			 size_t count)
{
	paths_clear(peer);
	for (size_t i = 0; i < count; i++)
		vector_push(&peer->paths,
			    ((struct mesh_path){.name = mem_strdup(paths[i]->name),
						.space = mem_strdup(paths[i]->space),
						.drawn = phase_of(peer->path, peer->epoch,
								  paths[i]->name)}));
}

static void assets_clear(struct mesh_peer *peer)
{
	vector_for_each (&peer->assets, a) {
		free(a->name);
		free(a->digest);
	}
	vector_clear(&peer->assets);
}

void mesh_peer_set_assets(struct mesh_peer *peer, Samoza__V1__AssetFile *const *assets,
			  size_t count)
{
	assets_clear(peer);
	for (size_t i = 0; i < count; i++)
		vector_push(&peer->assets,
			    ((struct mesh_asset){.name = mem_strdup(assets[i]->name),
						 .digest = mem_strdup(assets[i]->digest),
						 .size_bytes = assets[i]->size_bytes}));
}

/* FNV-1a, as str_hash(), with the end of each text. */
static uint64_t add_text(uint64_t h, const char *text)
{
	do
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	while (*text++ != '\0');
	return h;
}

void mesh_peer_set_ui(struct mesh_peer *peer, bool is_ui, bool asks_token)
{
	uint64_t h = 0xcbf29ce484222325u;

	vector_for_each (&peer->assets, a)
		h = add_text(add_text(h, a->name), a->digest);
	vector_for_each (&peer->paths, p)
		h = add_text(add_text(h, p->name), p->space);
	if (asks_token)
		h = add_text(h, "token");
	peer->is_ui = is_ui;
	peer->asks_token = is_ui && asks_token;
	peer->version = !is_ui ? 0 : h != 0 ? h : 1;
}

struct mesh_space *mesh_space_get(struct mesh_topology *topology, const char *name)
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

struct mesh_peer *mesh_slot_peer(const struct mesh_slot *slot, uint64_t epoch)
{
	struct mesh_peer *peer = slot->peers;

	while (peer != NULL && peer->epoch != epoch)
		peer = peer->next;
	return peer;
}

static int by_epoch(const struct mesh_peer *a, const struct mesh_peer *b)
{
	return (a->epoch > b->epoch) - (a->epoch < b->epoch);
}

struct mesh_peer *mesh_peer_get(struct mesh_table *t, struct mesh_topology *topology,
				struct mesh_slot *slot, uint64_t epoch, const char *space)
{
	struct mesh_peer *peer = mesh_slot_peer(slot, epoch);

	if (peer != NULL) {
		if (strcmp(peer->space->name, space) != 0) {
			peer_unlist(peer);
			peer->space = mesh_space_get(topology, space);
		}
		return peer;
	}
	peer = mem_new(struct mesh_peer);
	peer->topology = topology;
	peer->slot = slot;
	peer->path = slot->path;
	peer->epoch = epoch;
	peer->serves = true;
	peer->space = mesh_space_get(topology, space);
	DL_INSERT_INORDER(slot->peers, peer, by_epoch);
	if (slot->is_unlisted) {
		slot->is_unlisted = false;
		topology->unlisted--;
	}
	topology->peers++;
	t->peers++;
	return peer;
}

void mesh_peer_forget_tallies(struct mesh_peer *peer)
{
	if (peer->tallies != NULL)
		mesh_tallies_done(peer->tallies);
	free(peer->tallies);
	peer->tallies = NULL;
}

void mesh_peer_delete(struct mesh_table *t, struct mesh_peer *peer)
{
	peer_unlist(peer);
	DL_DELETE(peer->slot->peers, peer);
	peer->topology->peers--;
	paths_clear(peer);
	vector_done(&peer->paths);
	assets_clear(peer);
	vector_done(&peer->assets);
	vector_done(&peer->asked_by);
	mesh_peer_forget_tallies(peer);
	free(peer->zhost);
	free(peer);
	t->peers--;
}

/* ---- slots ---- */

struct mesh_slot *mesh_slot_find(const struct mesh_topology *topology, const char *path,
				 size_t size)
{
	struct mesh_slot *slot;

	HASH_FIND(hh, topology->slots, path, size, slot);
	return slot;
}

struct mesh_slot *mesh_slot_get(struct mesh_topology *topology, const char *path)
{
	struct mesh_slot *slot = mesh_slot_find(topology, path, strlen(path));

	if (slot != NULL)
		return slot;
	slot = mem_new(struct mesh_slot);
	slot->path = mem_strdup(path);
	slot->number = topology->free_numbers.count > 0
			       ? topology->free_numbers.items[--topology->free_numbers.count]
			       : topology->next_number++;
	HASH_ADD_KEYPTR(hh, topology->slots, slot->path, strlen(slot->path), slot);
	return slot;
}

static void slot_delete(struct mesh_topology *topology, struct mesh_slot *slot)
{
	HASH_DEL(topology->slots, slot);
	vector_push(&topology->free_numbers, slot->number);
	free(slot->path);
	free(slot);
}

struct mesh_slot *mesh_slot_note(struct mesh_topology *topology, const char *path)
{
	struct mesh_slot *slot = mesh_slot_find(topology, path, strlen(path));

	if (slot == NULL && topology->unlisted >= MESH_UNLISTED_MAX)
		return NULL;
	slot = mesh_slot_get(topology, path);
	slot->has_asked = true;
	mesh_slot_trim(topology, slot);
	return slot;
}

void mesh_slot_trim(struct mesh_topology *topology, struct mesh_slot *slot)
{
	if (slot->peers != NULL || slot->is_unlisted)
		return;
	if (slot->has_asked && topology->unlisted < MESH_UNLISTED_MAX) {
		slot->is_unlisted = true;
		topology->unlisted++;
		return;
	}
	slot_delete(topology, slot);
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

struct mesh_topology *mesh_topology_find(const struct mesh_table *t, const char *id)
{
	struct mesh_topology *topology;

	HASH_FIND_STR(t->topologies, id, topology);
	return topology;
}

struct mesh_topology *mesh_topology_get(struct mesh_table *t, const char *id, const char *name)
{
	struct mesh_topology *topology = mesh_topology_find(t, id);

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

void mesh_topology_delete(struct mesh_table *t, struct mesh_topology *topology)
{
	struct mesh_slot *slot, *next_slot;
	struct mesh_space *space, *next_space;

	HASH_ITER (hh, topology->slots, slot, next_slot) {
		while (slot->peers != NULL)
			mesh_peer_delete(t, slot->peers);
		slot_delete(topology, slot);
	}
	HASH_ITER (hh, topology->spaces, space, next_space) {
		HASH_DEL(topology->spaces, space);
		vector_done(&space->here);
		vector_done(&space->elsewhere);
		vector_done(&space->leaving);
		vector_done(&space->sharing);
		vector_done(&space->apart);
		free(space->name);
		free(space);
	}
	name_remove(t, topology);
	HASH_DEL(t->topologies, topology);
	vector_done(&topology->free_numbers);
	free(topology->id);
	free(topology->name);
	free(topology);
}

void mesh_topology_trim(struct mesh_table *t, struct mesh_topology *topology)
{
	if (topology->peers == 0)
		mesh_topology_delete(t, topology);
}
