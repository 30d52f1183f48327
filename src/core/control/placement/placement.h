/*
 * Which zhost each unit gets: first placements, recovery, and moving away from a zhost on which all
 * retries were used up. A unit is a root with everything below it. The engine (core/place) finds the
 * places; this part says which units need one, and what follows.
 *
 *   never placed ──all or none──► placed ──zhost lost──► lost ──together, else one by one──► placed
 *                                  │ ▲                    └── zhost returns first: adopted
 *              exhausted there     │ │ placed again
 *                                  ▼ │
 *                                moving: undeployed here, its place elsewhere is held
 *
 * Source: [topology.placement], [topology.recovery], [lifecycle.failure].
 */
#ifndef SAMOZA_CORE_CONTROL_PLACEMENT_H
#define SAMOZA_CORE_CONTROL_PLACEMENT_H

#include "core/control/state/application.h"

struct control;

/* In a flush: places what is marked APPLICATION_PLACE, and what waits and may fit now, oldest
 * application first, until no unit can be placed. */
void placement_run(struct control *c);
/* Why there is no place, judged over the zhosts as they are now; the caller ends it. None: no place
 * is missing. */
struct failure_reason placement_reason_now(const struct control_application *a);
/* The same of one unit by itself, by its root. None: it has a place, or would have one. */
struct failure_reason placement_reason_of(const struct slot_control *root);
/* "api waits for room on n1 or n2: WHY", as place_waits_text() says it, of the first unit that has no place where `s` has
 * none: those that are placed together wait for each other. Judged over the zhosts as they are now; the caller frees. */
char *placement_waits_text(const struct slot *s);
/* Why the successor of a unit that is handed over has no place, and the zhosts that lack nothing but room for it ("n1 or n2";
 * NULL: none), judged over the zhosts as they are now; the caller frees. PRE: its handover waits for a place. */
char *placement_reason_of_successor(const struct slot_control *root, char **ret_room_on);
/* The same as place_waits_text() says it. */
char *placement_waits_text_of_successor(const struct slot_control *root);

/* Why no zhost fits what it has on each, where it has nothing else to run; none: one does. The caller ends it. */
struct failure_reason placement_no_zhost_fits(const struct control_application *a);

/* Its placement in the engine; while it moves, the one that it moves to. */
uint32_t placement_unit(const struct slot_control *root);
/* The unit of the slot needs a place: the next flush looks for one. Until then it does not make its
 * topology failed; a topology that has failed already stays so. */
void placement_seek(struct slot_control *sc);
/* Its retries are used up on its zhost: its unit looks for another one. `is_known`: the zhost is back, and says what it had said before
 * it was lost: where the exclusion has ended since, it is tried there again. */
void placement_exhausted(struct control *c, struct copy *copy, bool is_known);
/* Units that are still leaving another zhost hold places on this one, where nothing new may be placed
 * from now on: the next flush holds others for them. */
void placement_drop_held(struct control *c, const struct control_zhost *z);
/* The slot is not-deployed and meant to be: when all of its unit is, the unit loses its place, or
 * takes the one that is held for it. */
void placement_gone(struct control *c, struct slot_control *sc);

#endif
