/*
 * What is retired has its place in the engine, with its devices, until nothing is left of it, so that nobody else gets them
 * while its process runs. It loses the place with its zhost, and has it again as soon as that reports it.
 *
 *   retired ──zhost lost──► retired, lost: no place ──its zhost is back, and has it──► retired: its place, leaving
 *
 * Source: [topology.placement.rule-6].
 */
#ifndef SAMOZA_CORE_CONTROL_SLOT_UNIT_RETURN_H
#define SAMOZA_CORE_CONTROL_SLOT_UNIT_RETURN_H

#include "core/control/state/application.h"

/* A unit in the engine of its own, without a place, with the other ones of its slot. PRE: it has none. */
void unit_place_new(struct control *c, struct unit_placement *unit);
/* Where it is, with the devices that its record names. PRE: retired, its zhost is in the engine. */
void unit_place_retired(struct control *c, struct unit_placement *unit);
/* Its zhost reports that something of it is there. If it was lost, it is so no longer. PRE: retired, not forsaken. */
void unit_returned(struct control *c, struct unit_placement *unit);

#endif
