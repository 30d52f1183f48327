#include "core/place/state/view.h"

#include "core/place/state/nodes.h"
#include "core/place/state/room.h"
#include "core/place/state/units.h"

static void cordon(struct place *p, uint32_t zhost, bool cordoned)
{
	node_at(p, zhost)->cordoned = cordoned;
	node_changed(p, zhost);
}

/* A placed unit whose room the request may use: the one that it replaces, or one that it shares
 * room with already. */
static const struct place_unit *room_mate(const struct place *p, const struct place_unit *u,
					  const struct place_unit_request *r)
{
	const struct place_unit *mate =
		r->shares_room ? unit_at(p, r->replaces) : unit_at(p, u->room_next);
	while (!r->shares_room && mate != u && mate->zhost == PLACE_NONE)
		mate = unit_at(p, mate->room_next);
	return mate != u && mate->zhost != PLACE_NONE ? mate : NULL;
}

void view_open_slowly(struct view *v, const struct place_unit_request *r)
{
	struct place *p = v->place;
	slot_mates_change(p, v->unit, -1);
	v->room_mate = room_mate(p, v->unit, r);
	if (v->room_mate != NULL) {
		joint_room_change(p, v->room_mate, 1);
		node_changed(p, v->room_mate->zhost);
	}
	if (r->ignore_cordon && node_at(p, r->only)->cordoned) {
		v->uncordoned = r->only;
		cordon(p, r->only, false);
	}
}

void view_close_slowly(struct view *v)
{
	struct place *p = v->place;
	if (v->uncordoned != PLACE_NONE)
		cordon(p, v->uncordoned, true);
	if (v->room_mate != NULL) {
		joint_room_change(p, v->room_mate, -1);
		node_changed(p, v->room_mate->zhost);
	}
	slot_mates_change(p, v->unit, 1);
}
