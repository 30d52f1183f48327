/* What can be counted without a search. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_BOUNDS_H
#define SAMOZA_CORE_PLACE_SEARCH_BOUNDS_H

#include "core/place/search/search_state.h"

/* Whether some kind clearly has too few places, even alone. PRE: none is placed. */
bool search_is_impossible(struct unit_search *s);

#endif
