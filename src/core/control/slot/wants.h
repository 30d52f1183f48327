/*
 * Units that need a place, as a request to the engine.
 */
#ifndef SAMOZA_CORE_CONTROL_WANTS_H
#define SAMOZA_CORE_CONTROL_WANTS_H

#include "core/control/state/application.h"
#include "core/place/place.h"

/* PRE: no slot is added or removed meanwhile. */
#define for_each_root(a, root)                                                   \
	for (struct slot_control **at_ = (a)->slot_controls.items,               \
				 **end_ = at_ + (a)->slot_controls.count, *root; \
	     at_ < end_ && (root = *at_) != NULL; at_++)                         \
		if (root->slot->parent == NULL)

/* The units of one application that need a place, with their exclusions. */
struct wants {
	VECTOR(struct place_unit_request) list;
	VECTOR(struct slot_control *) roots; /* of the same indexes */
};

void wants_add(const struct control *c, struct wants *w, struct slot_control *root,
	       uint32_t unit);
/* Lost with its zhost, or never placed: where it may be placed now (loss.h). */
void wants_add_lost(const struct control *c, struct wants *w, struct slot_control *root);
/* Not where it is now. */
void wants_add_successor(const struct control *c, struct wants *w, struct slot_control *root,
			 uint32_t unit);
/* Of its `moving_place`: to where it leaves, as its attempts are used up, or for its successor. What waits for both looks
 * again, too, when its own zhost has more room, or takes something again: the successor may have its place there. */
void wants_add_elsewhere(const struct control *c, struct wants *w, struct slot_control *root);
/* Moves all of `from` to the end of `to`. */
void wants_take(struct wants *to, struct wants *from);
void wants_done(struct wants *w);
/* As another core waits: `is_first` where all of it is placed together, `hopeless` as in place_wait_restore(). */
void wants_wait_again(struct control *c, const struct control_application *a,
		      const struct wants *all, bool is_first, uint32_t hopeless);
/* Waits for places of all that is left; `exhausted`: of units that are to leave their zhosts; `others`: optional
 * ones, and those of `count: each`. PRE: the application waits for nothing. */
void wants_wait(struct control *c, const struct control_application *a,
		const struct wants *lost, const struct wants *first,
		const struct wants *exhausted, const struct wants *others);

/* It is to be deployed, and was never placed, or undeployed since. */
bool wants_first_place(const struct slot_control *root);
/* No copy stands beside the one that serves: there is no handover, or it waits for a place, or for what
 * has to go. */
bool stands_alone(const struct slot_control *root);
/* Nothing beside the one that serves decides soon: no copy is there, or its successor takes over together with
 * others, and waits for them. */
bool may_leave(const struct slot_control *root);
/* A copy of it that is to be there has used up its attempts. */
bool unit_is_exhausted(const struct slot_control *root);
/* It is out of attempts where it is, and nothing beside it decides soon. */
bool unit_has_failed(const struct slot_control *root);
/* Placed, but a copy of its unit is exhausted there, and it may leave; it is not of `count: each`. */
bool wants_to_move(const struct slot_control *root);

/* Its slot whose data stays on its zhost, and would be lost to it elsewhere; NULL: there is none. */
const struct slot *unit_bound(const struct slot_control *root);

#endif
