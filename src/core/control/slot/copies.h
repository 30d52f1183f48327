/*
 * The copies on zhosts: how they come, are retired, and go; and the time until which an exclusive copy
 * that was lost may still be running.
 *
 *   unit_placement_new() ──► serving ──unit_retire()──► retired ──copy_gone() for each──► freed
 *                               └─── unit_end(): nothing of it is left ──────────────────► freed
 *
 * A retired copy is asked to go, and its record stays until its zhost says that nothing of it is left,
 * or is removed from the cluster: until then its room is taken, and an exclusive successor waits.
 */
#ifndef SAMOZA_CORE_CONTROL_COPIES_H
#define SAMOZA_CORE_CONTROL_COPIES_H

#include "core/control/state/application.h"
#include "core/control/state/zhost_registry.h"
#include "proto/wire.pb-c.h"

/* A placement of the unit on that zhost, without copies; `epoch` is the one of its root's copy. */
struct unit_placement *unit_placement_new(struct control_application *a,
					  struct revision *revision, struct control_zhost *z,
					  uint64_t epoch, uint32_t place_unit,
					  enum placement_role role);
/* A copy of the slot there, in the role of the unit, as that revision declares it. `sc` NULL: it is retired. */
struct copy *unit_copy_new(struct unit_placement *unit, struct revision *revision,
			   struct application_slot *slot, struct slot_control *sc,
			   uint64_t epoch, bool exclusive);
/* It is of that revision from now on. */
void copy_set_revision(struct copy *copy, struct revision *revision);
/* Its unit in the engine has the needs of that revision from now on. */
void unit_set_room(struct unit_placement *unit, struct revision *revision);
/* The unit is of that revision from now on. */
void unit_set_revision(struct unit_placement *unit, struct revision *revision);
/* A member of a unit that serves and stays: nothing of it is left. PRE: nothing of what is inside of it, either. */
void unit_copy_ended(struct control *c, struct copy *copy);

/* The unit is no longer served by what it has on `root`'s zhost. What may be left there is retired;
 * what is certainly gone is freed. The slots have no copy afterwards, and the root's unit in the engine
 * is one without a place, or with the one that was just found. Nothing when it has no placement. */
void unit_retire(struct control *c, struct slot_control *root);
/* What serves `root` is about to leave its zhost, or is not: nothing requires its company there any longer
 * [topology.placement.rule-4]. After each change of what its slot's goal, and its `moving`, say. */
void unit_review_leaving(struct control *c, const struct slot_control *root);
/* The engine was told where it is: and whether it leaves. */
void unit_place_restored(struct control *c, const struct unit_placement *unit);
/* The unit in the engine of one that has no copy is of the revision in which it is to be placed. PRE: nothing
 * waits for it. */
void unit_rebase(struct control *c, struct slot_control *root);
/* As unit_retire(), when a place for its successor was just found. PRE: the application waits for nothing. */
void unit_supersede(struct control *c, struct slot_control *root);
/* `to`, beside the one that serves, serves the unit from now on, and writes. That one, if there is one,
 * gets the role `leaves`: retired, standby (installed) or kept (it runs on, unless it is lost). Slots whose state
 * differs take that of their new copies. */
void unit_switch(struct control *c, struct slot_control *root, struct unit_placement *to,
		 enum placement_role leaves, const char *cause);
/* The revision that serves its unit from now on does not declare it. PRE: it has no copy. */
void slot_left_out(struct slot_control *sc);
/* A unit beside the one that serves is not wanted: what may be left of it is retired. */
void unit_drop_beside(struct control *c, struct unit_placement *unit);
/* What failed to go is asked again. PRE: retired. */
void unit_retry(struct unit_placement *unit);
/* Nothing is left of a copy: its record goes; the last one of a placement ends it. PRE: retired. */
void copy_gone(struct control *c, struct copy *copy);
/* Its zhost, on which it was lost, will not come back: gone at once, or, an exclusive one, when it
 * has certainly ended. PRE: retired. */
void copy_forsaken(struct control *c, struct copy *copy);
/* Everything that the application has on zhosts is forgotten; records are deleted. */
void units_forget(struct control *c, struct control_application *a);

/* The copy that this key is about: on `z` (NULL: on any zhost), in whatever role, under this very epoch. NULL: none. */
struct copy *copy_find(const struct control *c, const struct control_zhost *z,
		       const Samoza__V1__InstanceKey *key);

/* It publishes what the report says. */
void copy_take_exports(struct copy *copy, const Samoza__V1__InstanceReport *report);

/* How often it has failed on its zhost, and in what way. */
void copy_take_failures(struct copy *copy, const Samoza__V1__InstanceReport *report);

/* It has, or may have, a process; or it has none any longer: copies of the same slot may wait. */
void copy_set_active(struct copy *copy, bool active);

/* Lost: it may be running until then (monotonic), NEVER_MS: until its zhost is back or removed, because
 * only exclusive copies have a lease; 0: its zhost is back. */
void copy_set_ends_by(struct control *c, struct copy *copy, int64_t until_ms);
/* Ends such times up to now. */
void copies_tick(struct control *c);
int64_t copies_next_ms(const struct control *c);
/* A lost exclusive copy that may still be running; NULL: there is none. */
const struct copy *copies_first_lost(const struct control *c);

/* Copies of the application that are asked to go, on zhosts that can be heard. */
size_t copies_unloading(const struct control_application *a);
/* Its zhost has its specification, on the link that it has. */
bool copy_is_sent(const struct copy *copy);

#endif
