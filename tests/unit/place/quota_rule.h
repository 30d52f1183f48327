/* A rule that only a test has: on all zhosts with the label `quota` together, at most so many
 * instances of one space, as the label of the zhost says. */
#ifndef TESTS_PLACE_QUOTA_RULE_H
#define TESTS_PLACE_QUOTA_RULE_H

#include "core/place/rule/rule.h"

/* Not const: a test takes its wake-up away. */
extern struct place_rule rule_quota;

#endif
