/*
 * Members that come and go while the rest of their unit stays: a change of version adds an instance inside of one that
 * does not change, or removes one.
 *
 *            rollout begins: its zhost has the room             the rollout completes
 *   (none) ──────────────────────────────────────► joins ──────────────────────────────► of the unit's revision
 *             │ has not: handed over as a whole       │ the rollout returns                  │ one without it
 *             ▼                                       ▼                                      │ completes
 *                                                   goes ◄───────────────────────────────────┘
 *                                                     │ nothing of it is left on its zhost
 *                                                     ▼
 *                                                  (none)
 *
 * Until then such a copy is of another revision than its unit, and the room of the unit in the engine (`room`) is that of the
 * revision that has all members. A unit in which something else differs, or that gets members and loses others at the
 * same time, is handed over as a whole.
 *
 * Source: [change.submit.verdict-unchanged] [change.submit.verdict-added] [change.submit.completes].
 */
#ifndef SAMOZA_CORE_CONTROL_UNIT_MEMBERS_H
#define SAMOZA_CORE_CONTROL_UNIT_MEMBERS_H

#include "core/control/state/application.h"

struct control;

/* The room of the unit is that of the revision from now on. False: its zhost does not fit; nothing changes. PRE: nothing
 * waits for its unit in the engine. */
bool unit_take_room(struct control *c, struct slot_control *root, struct revision *revision);
/* It is placed again: room for those that go is not needed elsewhere. PRE: its unit in the engine is placed there already. */
void unit_forget_leaving(struct control *c, struct slot_control *root);
/* Members that go, and of which nothing is left, end, in all applications that are marked. */
void unit_members_trim(struct control *c);

#endif
