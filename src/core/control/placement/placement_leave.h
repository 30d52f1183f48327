/*
 * Units that run nowhere and leave their zhost in the flush in which there is a place elsewhere: what is moved, or
 * changed, and does not run; what has used up its attempts.
 *
 *   about to leave: no affinity counts it ──place found──► it goes there, with what needs its company
 *                        │
 *                        └──there is none──► it stays, and counts again: what needs it is tried once more
 *
 * Room is not given to it before others: lost units are placed first. Source: [topology.placement.rule-4].
 */
#ifndef SAMOZA_CORE_CONTROL_PLACEMENT_LEAVE_H
#define SAMOZA_CORE_CONTROL_PLACEMENT_LEAVE_H

#include "core/control/state/application.h"

struct control;

/* Of one run of the placement, in which no slot ends. */
typedef VECTOR(struct slot_control *) leaving_roots;

/* Those of the application that leave if they can, and are not known yet. */
void placement_leave_at_once(struct control *c, const struct control_application *a,
			     leaving_roots *leaving);
/* How many of the application have found a place. */
size_t placement_count_left(const leaving_roots *leaving, const struct control_application *a);
/* All others stay. Frees the list. */
void placement_stay(struct control *c, leaving_roots *leaving);

#endif
