/*
 * A unit that unloads in the background, beside what follows it in its slots.
 */
#ifndef SAMOZA_CORE_CONTROL_UNLOAD_UNIT_H
#define SAMOZA_CORE_CONTROL_UNLOAD_UNIT_H

#include "core/control/state/application.h"

/* Its handover ends, its copies are retired, and its slots are as if they had never been deployed. Nothing
 * unless it is placed. */
void unit_unload(struct control *c, struct slot_control *root, const char *cause);

#endif
