/*
 * The best zhost of a need without looking at all of them.
 *
 *   index of a demand   a tournament of zhosts by what amounts alone say of them. Zhosts where
 *                       somebody stands whom a rule or the score of the need knows of (units of
 *                       its own topology, those of its affinities) are looked at by themselves:
 *                       they are few
 *
 *   index of a need     where they are many, or labels have a say: a tournament by all that the
 *                       zhost itself decides, its zhosts grouped into cells
 *
 *                         cell       eu, rack 1      eu, rack 2      us, rack 1
 *                         zhosts     n1 n4 n7        n2              n3 n5 n6
 *                         best       n4              n2              n3
 *
 *                       of equal values of every label that the need's rules are about. What
 *                       labels decide is then decided once for each cell
 *
 * Both catch up from the log of changes when they are asked: a placement costs an index one
 * zhost, and only when that index is used again. The memory of the least recently used is
 * dropped when all together take too much.
 */
#ifndef SAMOZA_CORE_PLACE_INDEX_H
#define SAMOZA_CORE_PLACE_INDEX_H

#include "core/place/engine.h"

/* Of its own, a request excludes zhosts here; what else it says is a view's matter, or that of
 * the search. */

/* The eligible zhost with the best score, the first by name where several have it; PLACE_NONE
 * when none is eligible (an affinity may hold in advance, see GREEDY). */
uint32_t index_best(struct place *p, struct need *n, const struct place_unit_request *r);
/* The same, looking at every zhost: what the index must agree with. */
uint32_t scan_best(struct place *p, const struct need *n, const struct place_unit_request *r);
/* NULL is fine. */
void index_free(struct place *p, struct index *x);

#endif
