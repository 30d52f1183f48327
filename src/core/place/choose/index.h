/*
 * The best zhost of a need without looking at all of them.
 *
 *   index of a demand   a tournament of zhosts by what amounts alone decide. Zhosts with units that
 *                       matter to a rule or to the score of the need (units of its own topology,
 *                       those of its affinities) are looked at by themselves: they are few
 *
 *   index of a need     where they are many, or labels matter: a tournament by all that the zhost
 *                       itself decides, its zhosts grouped into cells
 *
 *                         cell       eu, rack 1      eu, rack 2      us, rack 1
 *                         zhosts     n1 n4 n7        n2              n3 n5 n6
 *                         best       n4              n2              n3
 *
 *                       of equal values of every label that the need's rules are about. What labels
 *                       decide is then decided once for each cell
 *
 * Both catch up from the log of changes when they are queried: a placement costs an index one
 * zhost, and only when that index is used again. Needs with rules by looking have no index.
 */
#ifndef SAMOZA_CORE_PLACE_CHOOSE_INDEX_H
#define SAMOZA_CORE_PLACE_CHOOSE_INDEX_H

#include "core/place/state/state.h"

/* The eligible zhost with the best score, the first by name where several have it; PLACE_NONE
 * when none is eligible (an affinity may hold in advance, see GREEDY). Of the request only the
 * excluded zhosts count; a view or the search sees to the rest. */
uint32_t index_best(struct place *p, struct need *n, const struct place_unit_request *r);
/* The same, looking at every zhost: what the index must agree with. */
uint32_t scan_best(struct place *p, const struct need *n, const struct place_unit_request *r);

#endif
