/*
 * The order of a grouped stop: importers before providers, children before parents
 * [lifecycle.group.stop-order].
 *
 * Slots are nodes, and so is each importing space ("all its members have stopped"), which keeps the
 * graph linear where many import from many:
 *
 *      web-1 ──┐                      ┌──► db-1          an edge: stops before
 *      web-2 ──┼──► (all of web) ─────┼──► db-2
 *      web-3 ──┘        import, may   └──► ...
 *                       be dropped
 *      cache ─────► api        child before parent, never dropped
 *
 * A space that imports itself stops one instance after the other, by path. Cycles are broken where
 * nothing else is left to stop: among the constraints inside such a cycle an optional import goes
 * before a mandatory one, and the smallest path first.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_ORDERED_STOP_H
#define SAMOZA_CORE_LIFECYCLE_ORDERED_STOP_H

#include "core/lifecycle/slot.h"

/* Orders the stop of the slots in the list, all of them active, together with what is left of earlier
 * ordered stops of the set: a request for a part does not end the order of the whole. */
void ordered_stop_begin(struct slot_set *set, struct slot **members, size_t count);
/* A member that must stop before it has not stopped yet. */
bool ordered_stop_holds(const struct slot *s);
/* It stopped, or is wanted again: nothing waits for it any longer. */
void ordered_stop_leave(struct slot *s);

/* What is left of the order of a set, for checkpoints: a node for each slot or importing space, and pairs of
 * nodes, of which the first stops before the second. */
struct stop_image_node {
	const char *path; /* borrowed; NULL: of no slot, or of one that has left */
	bool left;
};
struct stop_image {
	VECTOR(struct stop_image_node) nodes;
	VECTOR(uint32_t) edges;
};
/* Empty: nothing is being stopped. */
void ordered_stop_image(const struct slot_set *set, struct stop_image *ret);
void stop_image_done(struct stop_image *image);
/* In place of what there is. False: it is not the image of an order of these slots. */
bool ordered_stop_restore(struct slot_set *set, const struct stop_image *image);

#endif
