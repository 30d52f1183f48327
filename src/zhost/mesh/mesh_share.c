#include "zhost/mesh/mesh_share.h"

#define WHOLE 1000

/* Of one side: those of the revision, or all others. */
struct side {
	const struct mesh_space *space;
	const struct mesh_slot *but;
	bool is_newer;
};

static bool is_of(const struct side *side, const struct mesh_peer *peer)
{
	bool is_newer = peer->shares || peer->revision == side->space->share.revision;

	return is_newer == side->is_newer && peer->slot != side->but;
}

static size_t count(const struct side *side, bool here)
{
	const peer_vector *serving = here ? &side->space->here : &side->space->elsewhere;
	size_t n = 0;

	vector_for_each (serving, peer)
		n += is_of(side, *peer);
	vector_for_each (&side->space->sharing, peer)
		n += (*peer)->is_open == here && is_of(side, *peer);
	return n;
}

/* The one of that number (from 0). */
static struct mesh_peer *nth(const struct side *side, bool here, size_t number)
{
	const peer_vector *serving = here ? &side->space->here : &side->space->elsewhere;

	vector_for_each (serving, peer)
		if (is_of(side, *peer) && number-- == 0)
			return *peer;
	vector_for_each (&side->space->sharing, peer)
		if ((*peer)->is_open == here && is_of(side, *peer) && number-- == 0)
			return *peer;
	return NULL;
}

static bool has_any(const struct side *side)
{
	return count(side, true) > 0 || count(side, false) > 0;
}

struct mesh_peer *mesh_share_draw(struct mesh_space *space, const struct mesh_slot *but,
				  uint32_t *drawn)
{
	const struct side newer = {.space = space, .but = but, .is_newer = true};
	const struct side older = {.space = space, .but = but};
	const struct side *side = &older;

	if (space->share.revision == 0 || !has_any(&newer) || !has_any(&older))
		return NULL;
	*drawn += space->share.permille;
	if (*drawn >= WHOLE) {
		*drawn -= WHOLE;
		side = &newer;
	}
	bool here = count(side, true) > 0;
	return nth(side, here, space->turn++ % count(side, here));
}
