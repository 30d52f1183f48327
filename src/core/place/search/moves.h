/* The moves of a search. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_MOVES_H
#define SAMOZA_CORE_PLACE_SEARCH_MOVES_H

#include "core/place/search/search_state.h"

/* Whether a unit of the kind may go there, if units placed later help: devices of what the search has placed may be given
 * otherwise. PRE: a view of its request is open. */
bool search_can_take(struct place *p, const struct unit_kind *k, uint32_t zhost);
/* Places the next unit of the kind. */
void search_place(struct unit_search *s, struct unit_kind *k, uint32_t zhost);
/* Takes back the last one placed of the kind. */
void search_unplace(struct unit_search *s, struct unit_kind *k);
void search_unplace_all(struct unit_search *s);
/* A branch ended: the next unit of the kind has no zhost, or `at_the_end` breaks a rule now
 * that all are placed (NULL otherwise). */
void search_ended(struct unit_search *s, struct unit_kind *k, struct place_unit *at_the_end);

#endif
