/* Why a search placed nothing. */
#ifndef SAMOZA_CORE_PLACE_SEARCH_REASONS_H
#define SAMOZA_CORE_PLACE_SEARCH_REASONS_H

#include "core/place/search/search_state.h"

/* The rule for which the unit has no place even alone (explain/reason.h); NO_RULE: it has one. */
unsigned search_rule_alone(struct place *p, const struct place_unit_request *r);
/* The unit that does not fit even alone: the one with the earliest rule, of several the one with the
 * first path; else why not all together. PRE: search_run() was false. */
void search_reason(struct unit_search *s, struct place_reason *reason);

#endif
