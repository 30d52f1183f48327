/*
 * Blue-green: what ran before the switch runs on, without traffic, for a while, so that a rollback is one step.
 *
 *   switch ──► copies in the role KEPT ──time, another change, a stop──► retired
 *                       └── a step back: successors that are ready
 *
 * Its copies talk with each other (apart.h). One whose zhost is lost, or drained, or gets an older program, which
 * cannot run it beside what serves, goes, and the others stay. What the new version has removed stays, too, and serves:
 * those that are kept may need it. Source: [change.rollout.blue-green].
 */
#ifndef SAMOZA_CORE_CONTROL_KEPT_SET_H
#define SAMOZA_CORE_CONTROL_KEPT_SET_H

#include "core/control/state/application.h"

/* From the switch on, in which the copies of `revision` got that role. */
void kept_set_begin(struct control *c, struct control_application *a, struct revision *revision,
		    int64_t keep_ms);
/* Whatever is kept is to go; says `cause`. Nothing where nothing is. */
void kept_set_end(struct control *c, struct control_application *a, const char *cause);
/* The same where no rollout is under way: revisions that only it has held are trimmed. */
void kept_set_end_trimmed(struct control *c, struct control_application *a, const char *cause);
/* A rollout that is under way does not outlive it: it ends when that has. */
void kept_set_rollout_ended(struct control *c, struct control_application *a);
/* One that a record holds. PRE: its revision is loaded. */
void kept_set_load(struct control *c, struct control_application *a,
		   const Samoza__V1__KeptSetRecord *record);
/* In a flush: what its copies are asked for; what is lost or not wanted goes, and slots that only it has needed leave. */
void kept_set_run(struct control *c, struct control_application *a);
/* One of its units has the content that the revision gives it: there is a way back in one step. */
bool kept_set_fits(const struct control_application *a, const struct revision *revision);
/* The kept copies of the unit become its successor, if they have the content that its handover wants; false: they do
 * not. PRE: that has just begun. */
bool kept_set_adopt(struct slot_control *root);
/* That are there still. */
uint32_t kept_set_count(const struct control_application *a);

void kept_sets_tick(struct control *c);
int64_t kept_sets_next_ms(const struct control *c);

#endif
