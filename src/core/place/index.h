/*
 * The best zhost of a need.
 */
#ifndef SAMOZA_CORE_PLACE_INDEX_H
#define SAMOZA_CORE_PLACE_INDEX_H

#include "core/place/engine.h"

/* The eligible zhost with the best score, the first by name where several have it; PLACE_NONE
 * when none is eligible (an affinity may hold in advance, see GREEDY). */
uint32_t index_best(struct place *p, struct need *n, struct excluded excluded);
/* The same, looking at every zhost: what the index must agree with. */
uint32_t scan_best(struct place *p, const struct need *n, struct excluded excluded);
void index_free(struct place *p, struct need *n);

#endif
