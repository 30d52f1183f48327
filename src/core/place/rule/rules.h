/* The rules, and what their files share. */
#ifndef SAMOZA_CORE_PLACE_RULE_RULES_H
#define SAMOZA_CORE_PLACE_RULE_RULES_H

#include "core/place/rule/rule.h"
#include "core/place/rule/terms.h"
#include "core/place/rule/texts.h"

extern const struct place_rule rule_state, rule_capability, rule_constraint, rule_near,
	rule_affinity, rule_anti_affinity, rule_kept_away, rule_spread, rule_cpu, rule_memory,
	rule_devices;

#endif
