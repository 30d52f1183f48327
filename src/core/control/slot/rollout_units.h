/* The order in which a rollout changes the units of a space: by number, or by the names of their zhosts. */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_UNITS_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_UNITS_H

#include "core/control/state/application.h"

/* All roots; of each space in that order. NULL ends it. The caller frees. PRE: there is a rollout. */
struct slot_control **rollout_units(const struct control_application *a);

#endif
