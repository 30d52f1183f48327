/*
 * The state machine of a resident (drawing: resident.h).
 */
#ifndef SAMOZA_ZHOST_SPACE_RESIDENT_MACHINE_H
#define SAMOZA_ZHOST_SPACE_RESIDENT_MACHINE_H

#include "base/state_machine.h"
#include "zhost/space/resident.h"

extern const struct state_machine_type resident_machine;

/* The gate. The other fields are set before. */
void resident_enter(struct resident *r, enum resident_state to);

#endif
