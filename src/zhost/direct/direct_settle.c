#include <utlist.h>

#include "base/heap.h"
#include "base/memory.h"
#include "base/vector.h"
#include "zhost/direct/private.h"

/* What a zhost was sent last. */
struct wait {
	struct direct_peer *peer;
	struct direct_link
		*link; /* compared only; NULL: it is kept until the way has changed */
	uint64_t sent;
};

struct waits {
	VECTOR(struct wait) of;
};

/* False: the other zhost has not taken all of it yet. */
static bool is_over(struct wait *wait)
{
	struct direct_peer *peer = wait->peer;
	if (peer->way.state == MESH_WAY_MOVING || peer->way.state == MESH_WAY_LEAVING ||
	    mesh_way_kept(&peer->way) > 0)
		return false;
	if (peer->way.state == MESH_WAY_HUB || peer->current == NULL)
		return true;
	if (wait->link == NULL) {
		wait->link = peer->current;
		wait->sent = direct_link_sent(peer->current);
	}
	return wait->link != peer->current || direct_link_has_taken(wait->link, wait->sent);
}

static bool are_over(struct waits *waits)
{
	while (waits->of.count > 0 && is_over(&waits->of.items[waits->of.count - 1]))
		waits->of.count--;
	return waits->of.count == 0;
}

static void first_end(struct direct_transport *t, bool is_settled)
{
	struct mesh_settle *settle = t->settles;
	struct waits *waits = settle->waits;
	LL_DELETE(t->settles, settle);
	vector_done(&waits->of);
	free(waits);
	settle->fn(settle, is_settled);
}

void direct_settle_check(struct direct_transport *t)
{
	while (t->settles != NULL && are_over(t->settles->waits))
		first_end(t, true);
}

void direct_settle_lose(struct direct_peer *peer)
{
	for (struct mesh_settle *s = peer->transport->settles; s != NULL; s = s->next) {
		struct waits *waits = s->waits;
		for (size_t i = waits->of.count; i-- > 0;)
			if (waits->of.items[i].peer == peer)
				vector_remove_at(&waits->of, i);
	}
}

void direct_settle(struct mesh_transport *mesh, struct mesh_settle *settle)
{
	struct direct_transport *t = container_of(mesh, struct direct_transport, mesh);
	struct waits *waits = mem_new(struct waits);
	for (struct direct_peer *peer = t->peers; peer != NULL; peer = peer->hh.next) {
		struct wait wait = {.peer = peer};
		if (!is_over(&wait))
			vector_push(&waits->of, wait);
	}
	settle->waits = waits;
	settle->next = NULL;
	LL_APPEND(t->settles, settle);
	direct_settle_check(t);
}

void direct_forget(struct mesh_transport *mesh)
{
	struct direct_transport *t = container_of(mesh, struct direct_transport, mesh);
	while (t->settles != NULL)
		first_end(t, false);
}
