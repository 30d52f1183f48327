/* Feasible sets: the zhosts that pass all rules that depend on their description alone
 * (RULE_BY_DESCRIPTION), as one bit each. Computed once for all demands with the same
 * requirements, and updated when a description changes, which is rare; a decision reads one
 * bit. */
#ifndef SAMOZA_CORE_PLACE_NEED_FEASIBLE_SET_H
#define SAMOZA_CORE_PLACE_NEED_FEASIBLE_SET_H

#include "core/place/state/state.h"

/* Of the sub-tree at instance `root`; takes a reference. */
uint32_t feasible_set_take(struct place *p, struct topology *t, uint32_t root);
void feasible_set_drop(struct place *p, uint32_t index);
/* A zhost is new or gone, or has another description. */
void feasible_sets_update(struct place *p, uint32_t zhost);
/* PRE: all references are dropped. */
void feasible_sets_done(struct place *p);

#endif
