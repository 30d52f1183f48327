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

#endif
