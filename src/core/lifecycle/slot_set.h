/*
 * Builds slot sets out of compiled topologies, and takes them down.
 *
 *     slot_set_init(&set, lifecycle)
 *     declarations = slot_set_declare(&set, topology)     once per revision; its instances get slots
 *     ...
 *     slot_set_done(&set)
 */
#ifndef SAMOZA_CORE_LIFECYCLE_SLOT_SET_H
#define SAMOZA_CORE_LIFECYCLE_SLOT_SET_H

#include "core/lifecycle/slot.h"

void slot_set_init(struct slot_set *set, struct lifecycle *l);
/* Leaves the queue and ordered stops. Frees slots and declarations. */
void slot_set_done(struct slot_set *set);
/* Adds what the revision declares: slots of paths that are new (goal and state not-deployed, served
 * by this declaration), and which spaces import from which. Takes a reference of the topology. The result
 * belongs to the set. */
const struct declarations *slot_set_declare(struct slot_set *set, struct topology *topology);

/* Its part in the counts of the set that the state of the topology is derived from: taken out (-1)
 * before its goal or its declaration changes, put in again (1) afterwards. */
void slot_count_required(struct slot *s, int sign);

/* What the rules know of the copy that serves; another declaration may provide under other names, or
 * be optional. The caller pushes the slot (lifecycle_push()) where
 * the change can matter now. */
void slot_set_serving(struct slot *s, const struct serving_facts *facts);

#endif
