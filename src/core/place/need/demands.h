/* Demands: where (feasible set) and how much (cpu, memory, devices) units require, of whichever
 * needs. Thousands of topologies made from one pattern share one demand, and its index. */
#ifndef SAMOZA_CORE_PLACE_NEED_DEMANDS_H
#define SAMOZA_CORE_PLACE_NEED_DEMANDS_H

#include "core/place/state/state.h"

/* Of the sub-tree at instance `root`; takes a reference. */
struct demand *demand_take(struct place *p, struct topology *t, uint32_t root);
void demand_drop(struct place *p, struct demand *d);
/* So many units with that demand were made (negative: freed). */
void demand_count(struct place *p, struct demand *d, int64_t units);
void demands_done(struct place *p);

#endif
