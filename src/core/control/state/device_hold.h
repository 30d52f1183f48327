/*
 * A zhost that was removed and has joined again may bring back what is not known any longer, but that it was there (remains.h):
 * which devices it has, nobody knows. Until it has gone, no instance starts there with a device, or with an exclusive capability.
 * The same holds for what an application ran that was removed by force.
 * Source: [topology.placement.rule-6].
 */
#ifndef SAMOZA_CORE_CONTROL_STATE_DEVICE_HOLD_H
#define SAMOZA_CORE_CONTROL_STATE_DEVICE_HOLD_H

#include "core/control/state/application.h"

/* The copy has devices, and is to start after what its zhost still runs. */
bool device_hold_waits(const struct copy *copy);
/* It has devices, or an exclusive capability. PRE: it is not retired. */
bool device_hold_concerns(const struct copy *copy);

#endif
