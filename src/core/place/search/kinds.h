/* Kinds of units, and the order in which they are tried. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_KINDS_H
#define SAMOZA_CORE_PLACE_SEARCH_KINDS_H

#include "core/place/search/search_state.h"

void kinds_init(struct unit_search *s, const struct place_unit_request *const *requests,
		uint32_t count);
/* The most constrained first. PRE: the groups of all units are pending. */
void kinds_order(struct unit_search *s);
/* The kind found no place: it goes before those of less urgency. */
void kinds_prefer(struct unit_search *s, struct unit_kind *kind, uint32_t urgency);

#endif
