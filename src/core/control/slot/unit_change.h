/*
 * What leads a unit from what serves it to a revision. Source: [change.submit.verdict-unchanged]
 * [change.submit.verdict-replaced].
 */
#ifndef SAMOZA_CORE_CONTROL_UNIT_CHANGE_H
#define SAMOZA_CORE_CONTROL_UNIT_CHANGE_H

#include "core/control/state/application.h"

/* What leads a unit from one revision to another. */
enum unit_change {
	UNIT_STAYS,   /* nothing that reaches a process differs */
	UNIT_SHRINKS, /* it has members that the other one does not declare */
	UNIT_GROWS,   /* it lacks some that the other one declares */
	UNIT_DIFFERS, /* it is handed over */
};
/* From what serves it now to that revision, which declares it. PRE: it is served. */
enum unit_change unit_change(const struct slot_control *root, const struct revision *to);
/* Between two revisions that declare it. PRE: both are open. */
enum unit_change unit_change_between(const struct slot_control *root,
				     const struct revision *from, const struct revision *to);

/* It came with a rollout that has not completed: what becomes of it says nothing of its unit. */
bool copy_joins(const struct copy *copy);
/* A member of the unit is about to go: another one cannot join before. */
bool unit_loses_members(const struct unit_placement *unit);

#endif
