/* Devices of the units that a search has placed on one zhost, assigned again to make room for
 * one more. (A unit that shares room is alone in its search.) */
#ifndef SAMOZA_CORE_PLACE_SEARCH_REPACK_H
#define SAMOZA_CORE_PLACE_SEARCH_REPACK_H

#include "core/place/search/search_state.h"

/* Whether one more with that demand fits then; with `apply`, it is done. */
bool search_repack(struct place *p, uint32_t zhost, const struct demand *more, bool apply);

#endif
