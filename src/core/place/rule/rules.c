#include "core/place/rule/rules.h"

const struct place_rule *const place_rules[] = {
	&rule_state,	&rule_capability,    &rule_constraint, &rule_near,
	&rule_affinity, &rule_anti_affinity, &rule_kept_away,  &rule_spread,
	&rule_cpu,	&rule_memory,	     &rule_devices,    NULL,
};
