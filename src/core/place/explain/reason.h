/* FailureReason ([topology.reason]): the first requirement, in the order of the rules, that
 * none of the zhosts that pass the earlier ones satisfies. */
#ifndef SAMOZA_CORE_PLACE_EXPLAIN_REASON_H
#define SAMOZA_CORE_PLACE_EXPLAIN_REASON_H

#include "core/place/rule/filter.h"

#define NO_RULE 7u /* after all of them */

/* The number of that requirement's rule; NO_RULE: a zhost is eligible. */
unsigned reason_rule(const struct filter *f);
/* Why no zhost is eligible; sets sentence, detail and smallest change. False, and nothing set,
 * when one is. `path`: of the unit. */
bool reason_find(struct filter *f, const char *path, struct place_reason *reason);

#endif
