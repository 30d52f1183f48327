/*
 * Blue-green: copies that do not serve, and talk with each other. Until the switch they are those of the new
 * version; afterwards those of the former one, while they are kept (kept_set.h).
 *
 *   set that serves     web-1 ──imports, messages──► store          a slot that has no copy apart
 *   set apart           web-1'──imports, messages──► store'         stands for itself: db serves both
 *                              └────────────────────────────► db
 *
 * A start-first unit that is still to get its copy provides nothing to the set apart: what imports from it there
 * waits for that copy. What stops first has no second copy that runs: the one that serves provides to both.
 * What is public, of another application, provides with what serves there, to both sets.
 * Source: [change.rollout.blue-green].
 */
#ifndef SAMOZA_CORE_CONTROL_APART_H
#define SAMOZA_CORE_CONTROL_APART_H

#include "core/control/state/application.h"

/* Its unit is handed over together with others, in one step (rollout_switch.h). */
bool handover_is_joint(const struct slot_control *root);
/* The copy of the slot that is apart; NULL: there is none. */
struct copy *apart_copy(const struct slot_control *sc);
bool copy_is_apart(const struct copy *copy);
/* The first mandatory import of a copy that is apart which nothing there provides; NULL: none is missing. */
const struct import_decl *apart_missing_import(const struct copy *copy);
/* What provides to the set apart of `a`, in the order of paths, byte by byte: the copy that does. */
void apart_each_provider(const struct control_application *a, const struct provider_set *set,
			 void (*each)(void *user, const struct copy *provider), void *user);
/* It has started or ended, exports something else, or is apart from now on, or no longer: what imports from it is
 * looked at again. */
void apart_changed(const struct copy *copy);
/* The same of all that serves of a unit, or is apart: whether a second copy of it is to run may have changed. */
void apart_unit_changed(const struct slot_control *root);
/* The same of a unit that takes over together with others; of another one nothing. */
void apart_joint_changed(const struct slot_control *root);

#endif
