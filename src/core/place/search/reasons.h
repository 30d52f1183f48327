/* Why a search placed nothing. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_REASONS_H
#define SAMOZA_CORE_PLACE_SEARCH_REASONS_H

#include "core/place/search/search_state.h"

/* The first unit, in the order of paths, that does not fit even alone; else why not all
 * together. PRE: search_run() was false. */
void search_reason(struct unit_search *s, struct place_reason *reason);

#endif
