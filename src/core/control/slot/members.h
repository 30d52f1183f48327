/*
 * Which slots an application has: a change of version adds and removes instances while others run.
 *
 *                      rollout begins               first placement
 *   (no slot) ─────────────────────────► unplaced ───────────────────► like any other
 *       ▲                                   │                               │
 *       │ at the end of a flush:            │ the rollout returns,          │ a rollout without it completes,
 *       │ nothing of it is left             ▼ or leads elsewhere            ▼ or one that has added it returns
 *       └────────────────────────────────────────── leaves ◄────────────────┘
 *                                            its goal is not-deployed
 *
 * Which slots are wanted follows from the revisions:
 *
 *   no rollout                what is served declares it; or the former set that is kept does, and it is there
 *   advancing, paused         the target does, or what runs before (it stops when the rollout completes)
 *   returning                 what is returned to does
 *
 * Source: [change.submit.verdict-added] [change.submit.completes] [change.submit.goals].
 */
#ifndef SAMOZA_CORE_CONTROL_MEMBERS_H
#define SAMOZA_CORE_CONTROL_MEMBERS_H

#include "core/control/state/application.h"

struct control;

/* Declares the revision. Slots that are new are to start, as far as their parents are. */
void members_add(struct control *c, struct control_application *a, struct revision *revision,
		 const char *by);
/* After each change of what is wanted: goals of slots that are not any longer, or are again. */
void members_update(struct control *c, struct control_application *a);
/* A rollout has passed it by while it was about to leave its zhost, or it stayed for the former set and its zhost suits
 * the version that is served by now: it goes, and another one appears in that version. */
bool members_is_passed_by(const struct control_application *a, const struct slot *s);
/* members_update() would do something: a zhost fits a space with `count: each` no longer, or again, or a unit has gone
 * that only the former set (kept_set.h) needs. */
bool members_differ(const struct control_application *a);
/* The same of these roots and what is inside of them; when only their zhost has changed. */
bool members_differ_below(const struct control_application *a, const slot_list *roots);
void members_update_below(struct control *c, struct control_application *a,
			  const slot_list *roots);
/* From records: goals are as they were. */
void members_load(struct control_application *a);
/* At the end of a flush: slots that leave, and of which nothing is left, end. */
void members_trim(struct control *c);
/* A required slot of the rollout's target that is to run, and is not started; NULL: there is none. */
const struct slot *members_missing(const struct control_application *a);

#endif
