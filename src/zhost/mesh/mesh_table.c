#include "zhost/mesh/mesh_table.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/space_kind.h"
#include "zhost/mesh/mesh_objects.h"

/* ---- life ---- */

struct mesh_table *mesh_table_new(const char *own_zhost)
{
	struct mesh_table *t = mem_new(struct mesh_table);

	t->own_zhost = mem_strdup(own_zhost);
	return t;
}

void mesh_table_free(struct mesh_table *t)
{
	struct mesh_topology *topology, *next;

	if (t == NULL)
		return;
	HASH_ITER (hh, t->topologies, topology, next)
		mesh_topology_delete(t, topology);
	free(t->own_zhost);
	free(t);
}

/* ---- frames ---- */

/* The hub's word on a copy; its slot stays. */
static void peer_forget_hub(struct mesh_table *t, struct mesh_peer *peer)
{
	if (peer->local == NULL) {
		mesh_peer_delete(t, peer);
		return;
	}
	peer->listed = false;
	peer->said_sum = 0;
	peer->leaves = peer->shares = peer->apart = false;
	free(peer->zhost);
	peer->zhost = NULL;
	mesh_peer_relist(t, peer);
}

static bool has_pages(Samoza__V1__SpaceType type)
{
	const struct space_kind *kind = space_kind_of(type);
	return kind != NULL && kind->has_pages;
}

static void slot_forget_hub(struct mesh_table *t, struct mesh_slot *slot)
{
	for (struct mesh_peer *peer = slot->peers, *next; peer != NULL; peer = next) {
		next = peer->next;
		peer_forget_hub(t, peer);
	}
}

/* Another copy serves. What runs here serves no longer, also where the frame does not name it: then it has
 * lost its place, and is told to stop. */
static void others_yield(const struct mesh_table *t, const struct mesh_slot *slot,
			 const struct mesh_peer *serving)
{
	for (struct mesh_peer *other = slot->peers; other != NULL; other = other->next) {
		if (other == serving || !other->serves)
			continue;
		other->serves = false;
		mesh_peer_relist(t, other);
	}
}

/* What a frame says of a path is all that it knows of it. */
static void peer_apply(struct mesh_table *t, struct mesh_topology *topology,
		       const Samoza__V1__MeshPeer *said)
{
	struct mesh_slot *slot = mesh_slot_get(topology, said->path);
	struct mesh_peer *peer;

	if (slot->said_in != t->frames)
		slot_forget_hub(t, slot);
	slot->said_in = t->frames;
	if (said->zhost == NULL) {
		mesh_slot_trim(topology, slot);
		return;
	}
	peer = mesh_peer_get(t, topology, slot, said->epoch, said->space);
	peer->listed = true;
	peer->said_sum = mesh_peer_sum(said);
	free(peer->zhost);
	peer->zhost = mem_strdup(said->zhost);
	peer->serves = said->serving;
	peer->leaves = said->has_draining && said->draining;
	peer->shares = said->has_sharing && said->sharing;
	peer->apart = said->has_apart && said->apart;
	peer->revision = said->revision;
	/* What runs here knows itself best. */
	if (peer->local == NULL) {
		mesh_peer_set_paths(peer, said->paths, said->n_paths);
		mesh_peer_set_assets(peer, said->assets, said->n_assets);
		bool asks_token = said->has_access_token && said->access_token;
		mesh_peer_set_ui(peer, asks_token || (said->has_type && has_pages(said->type)),
				 asks_token);
	}
	mesh_peer_relist(t, peer);
	if (peer->serves && peer->epoch != 0) /* an older zrms names no epochs */
		others_yield(t, slot, peer);
}

static void topology_forget_hub(struct mesh_table *t, struct mesh_topology *topology)
{
	struct mesh_slot *slot, *next;

	HASH_ITER (hh, topology->slots, slot, next) {
		slot_forget_hub(t, slot);
		mesh_slot_trim(topology, slot);
	}
}

/* All that there are. */
static void shares_apply(struct mesh_topology *topology, const Samoza__V1__MeshTable *frame)
{
	for (struct mesh_space *space = topology->spaces; space != NULL; space = space->hh.next)
		space->share = (struct mesh_share){.drawn = space->share.drawn};
	for (size_t k = 0; k < frame->n_shares; k++) {
		const Samoza__V1__MeshShare *said = frame->shares[k];
		struct mesh_share *share = &mesh_space_get(topology, said->space)->share;

		share->revision = said->revision;
		share->permille = said->permille;
		share->sum = mesh_share_sum(said);
	}
}

void mesh_table_apply(struct mesh_table *t, const Samoza__V1__MeshTable *frame)
{
	struct mesh_topology *topology = mesh_topology_find(t, frame->topology);
	bool gone = frame->has_gone && frame->gone;

	if (topology == NULL && gone)
		return;
	if (topology != NULL && !gone && !frame->full && frame->version < topology->version)
		return;
	topology = mesh_topology_get(t, frame->topology, frame->topology_name);
	topology->version = gone ? 0 : frame->version;
	topology->is_confirmed = true;
	t->frames++;
	if (gone || frame->full)
		topology_forget_hub(t, topology);
	if (!gone)
		shares_apply(topology, frame);
	for (size_t i = 0; !gone && i < frame->n_peers; i++)
		peer_apply(t, topology, frame->peers[i]);
	mesh_topology_trim(t, topology);
}

/* ---- a link begins ---- */

static bool add_sum(const struct mesh_topology *topology, uint64_t *sum)
{
	bool any = false;

	*sum = mesh_topology_sum(topology->id);
	for (const struct mesh_slot *slot = topology->slots; slot != NULL; slot = slot->hh.next)
		for (const struct mesh_peer *p = slot->peers; p != NULL; p = p->next) {
			any |= p->listed;
			*sum += p->said_sum;
		}
	for (const struct mesh_space *space = topology->spaces; space != NULL;
	     space = space->hh.next)
		*sum += space->share.sum;
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
		mesh_topology_trim(t, topology);
	}
}

/* ---- what runs here ---- */

struct mesh_peer *mesh_table_join(struct mesh_table *t, const Samoza__V1__InstanceKey *key,
				  const Samoza__V1__InstanceSpec *spec,
				  struct mesh_receiver *local)
{
	struct mesh_topology *topology =
		mesh_topology_get(t, key->topology, spec->topology_name);
	struct mesh_peer *peer = mesh_peer_get(t, topology, mesh_slot_get(topology, key->path),
					       key->epoch, spec->space);

	PRE(local != NULL);
	peer->local = local;
	if (peer->tallies == NULL)
		peer->tallies = mem_new(struct mesh_tallies);
	mesh_peer_set_paths(peer, spec->paths, spec->n_paths);
	mesh_peer_set_assets(peer, spec->assets, spec->n_assets);
	mesh_peer_set_ui(peer, has_pages(spec->type),
			 spec->has_access_token && spec->access_token);
	mesh_peer_relist(t, peer);
	return peer;
}

void mesh_table_open(struct mesh_table *t, struct mesh_peer *peer, bool is_open)
{
	if (peer == NULL)
		return;
	PRE(peer->local != NULL);
	peer->is_open = is_open;
	mesh_peer_relist(t, peer);
}

/* The hub says so. An older one names no epochs. */
static bool is_served_by_another(const struct mesh_peer *peer)
{
	for (const struct mesh_peer *other = peer->slot->peers; other != NULL;
	     other = other->next)
		if (other != peer && other->listed && other->serves && other->epoch != 0)
			return true;
	return false;
}

void mesh_table_serve(struct mesh_table *t, struct mesh_peer *peer, bool serves)
{
	if (peer == NULL)
		return;
	PRE(peer->local != NULL);
	if (peer->listed)
		return;
	peer->serves = serves && !is_served_by_another(peer);
	mesh_peer_relist(t, peer);
}

void mesh_table_leave(struct mesh_table *t, struct mesh_peer *peer)
{
	struct mesh_topology *topology;
	struct mesh_slot *slot;

	if (peer == NULL)
		return;
	topology = peer->topology;
	slot = peer->slot;
	peer->local = NULL;
	peer->is_open = false;
	vector_clear(&peer->asked_by);
	mesh_peer_forget_tallies(peer);
	/* What the hub says of a place here that does not run is of no use. */
	if (peer->zhost == NULL || strcmp(peer->zhost, t->own_zhost) == 0)
		mesh_peer_delete(t, peer);
	else
		mesh_peer_relist(t, peer);
	mesh_slot_trim(topology, slot);
	mesh_topology_trim(t, topology);
}
