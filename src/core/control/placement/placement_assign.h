/*
 * Places that units take, lose with their zhost, and have again when it is back. Which ones they take is found by
 * placement.h.
 */
#ifndef SAMOZA_CORE_CONTROL_PLACEMENT_ASSIGN_H
#define SAMOZA_CORE_CONTROL_PLACEMENT_ASSIGN_H

#include "core/control/state/application.h"

struct control;

/* The unit is placed there, under new epochs. What is left of it elsewhere is retired. `leaves`: it has
 * just left another zhost. */
void placement_assign(struct control *c, struct slot_control *root, struct control_zhost *z,
		      bool leaves);
/* Members that the unit has in that revision join it where it is, under new epochs. PRE: it has their room. */
void placement_extend(struct control *c, struct slot_control *root, struct revision *revision);
/* The copy's zhost is silent: the place is kept for adoption only. */
void placement_lost(struct control *c, struct copy *copy);
/* The unit of `copy` was lost with its zhost, and is back before it was placed again. */
void placement_adopt(struct control *c, struct copy *copy);

#endif
