/* Needs: what a unit (an instance without a parent, with all its descendants) requires,
 * compiled once for each root space of a topology. All units of that space require the same. */
#ifndef SAMOZA_CORE_PLACE_NEED_NEEDS_H
#define SAMOZA_CORE_PLACE_NEED_NEEDS_H

#include "core/place/state/state.h"

struct place_topology *topology_checked(const struct place *p, uint32_t topology);
/* What a unit of that instance needs. PRE: the instance has no parent. */
struct need *need_checked(const struct place_topology *t, uint32_t instance);
/* Frees topologies, families and their lists. PRE: there are no units. */
void topologies_done(struct place *p);

#endif
