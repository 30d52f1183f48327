/* The rules that depend on units of the same request, once all of them are placed. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_FINAL_CHECK_H
#define SAMOZA_CORE_PLACE_SEARCH_FINAL_CHECK_H

#include "core/place/search/search_state.h"

/* Whether everything that the search placed is eligible, given everything else; else the kind
 * and the unit for which a rule does not hold. */
bool search_holds(struct unit_search *s, struct unit_kind **ret_kind,
		  struct place_unit **ret_unit);

#endif
