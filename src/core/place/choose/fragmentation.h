/*
 * Fragmentation of devices: what is free of them, but of no use to units that may come. The
 * workload says which may come. On one zhost, a typical request wastes
 *
 *   now       all that is free, unless one more of it fits; then the devices that are too full for
 *             it
 *   in time   what would be left if the zhost were filled up with it: a device can be free and yet
 *             useless for lack of cpu, though one more would still fit
 *
 * and the zhost as a whole wastes the devices that its cpu and memory could not serve at the
 * mean ratio of the workload. A zhost on which this grows less is better. The first part is
 * fragmentation gradient descent (Weng et al., USENIX ATC 2023); the others keep devices from
 * being stranded before it is too late, see docs/design/002-placement.md.
 */
#ifndef SAMOZA_CORE_PLACE_CHOOSE_FRAGMENTATION_H
#define SAMOZA_CORE_PLACE_CHOOSE_FRAGMENTATION_H

#include "core/place/state/state.h"

/* How much less useful the unit makes the free devices of a zhost, thousandths of a device. */
int32_t fragmentation_of(const struct place *p, const struct demand *d,
			 struct place_node *node);

#endif
