/*
 * A view: the state as it is judged for one request. The other units of its slot are not
 * members, the room that it may share is free, and a cordon that it ignores does not exist.
 * What differs is changed in place and changed back, so rules, scores and indexes need not know
 * of it; an index catches up twice with the zhosts concerned. Nothing is placed or removed
 * while a view is open.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_VIEW_H
#define SAMOZA_CORE_PLACE_STATE_VIEW_H

#include "core/place/state/state.h"

struct view {
	struct place *place;
	const struct place_unit *unit;	    /* NULL: nothing is different */
	const struct place_unit *room_mate; /* its room, and what it shares, is free; or NULL */
	uint32_t uncordoned;		    /* or PLACE_NONE */
};

/* For the next two. */
void view_open_slowly(struct view *v, const struct place_unit_request *r);
void view_close_slowly(struct view *v);

static inline void view_open(struct view *v, struct place *p,
			     const struct place_unit_request *r)
{
	*v = (struct view){p, unit_at(p, r->unit), NULL, PLACE_NONE};
	if (has_slot_mates(v->unit) || r->ignore_cordon)
		view_open_slowly(v, r);
	else
		v->unit = NULL;
}

static inline void view_close(struct view *v)
{
	if (v->unit != NULL)
		view_close_slowly(v);
}

#endif
