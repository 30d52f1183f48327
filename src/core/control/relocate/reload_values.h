/*
 * What copies would start with now as env, config and secrets, compared with what their processes have: the values of their references, as
 * their zhosts find them (core/settings/settings.h). Values are looked for once in a pass.
 */
#ifndef SAMOZA_CORE_CONTROL_RELOAD_VALUES_H
#define SAMOZA_CORE_CONTROL_RELOAD_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/control/state/unit_reload.h"

struct provider_set;
struct slot;

/* The first two that have it, in the order of their paths: one of them is not the importer itself. */
struct known_value {
	const struct provider_set *set;
	const char *name; /* of the variable; borrowed from a revision */
	const struct slot *provider[2];
	const char *value[2]; /* borrowed from copies */
};

/* Zero, and valid while nothing starts or ends. */
struct reload_values {
	VECTOR(struct known_value) known;
};
void reload_values_done(struct reload_values *values);

/* Of one copy, without those that are handed over with it. RELOAD_DIFFERS only where its space says `reload: restart`. PRE: it is
 * not retired. */
enum reload_need reload_need_of(struct reload_values *values, const struct copy *copy);
/* Of the unit. *ret_wanted: over all values that its copies would start with; never 0. */
enum reload_need reload_need_of_unit(struct reload_values *values,
				     const struct slot_control *root, uint64_t *ret_wanted);
/* The first reference that its process has a value of, and that has none now; borrowed. NULL: there is none. */
const char *reload_lacking(struct reload_values *values, const struct copy *copy);
/* A new copy of the unit may make others, of this topology or another one, which make one of it: what they refer to is filled in
 * at each start, and they take it by a restart, or they stop while it is handed over. */
bool reload_makes_itself(struct reload_values *values, const struct slot_control *root);

#endif
