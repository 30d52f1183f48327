/*
 * How far a rollout is. Nothing of it is stored: a unit is current for a revision where each of its slots
 * is served with equal content, and what is left to do follows from that.
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_PROGRESS_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_PROGRESS_H

#include "core/control/state/application.h"

/* Where the rollout leads now: to its target, or back. PRE: there is one. */
struct revision *rollout_wanted(const struct control_application *a);
/* The unit is served with the content of that revision, or by nothing, or is no part of it. */
bool rollout_is_current(const struct slot_control *root, const struct revision *revision);
/* More of it differs from that revision than that it lacks members, or has more: it is to be handed over. */
bool rollout_differs(const struct slot_control *root, const struct revision *revision);

/* Nothing else happens to it: a handover may begin. */
bool rollout_can_change(const struct slot_control *root);
/* Spaces with a smaller one change first. */
uint32_t rollout_place_of(const struct control_application *a, const struct slot *root);
/* The move of that unit, for which it waits; NULL: it does not. The caller frees. */
char *rollout_move_waits_text(const struct slot_control *root);
/* What it waits for, where it hands nothing over; the caller frees. */
char *rollout_waits_text(const struct control_application *a);
/* How many units differ between the two revisions, and how many are served in the target. */
void rollout_progress(const struct control_application *a, uint32_t *ret_done,
		      uint32_t *ret_all);
/* What has its turn in this step of a canary is current, or shares, and nothing else is handed over for it. */
bool rollout_step_is_done(const struct control_application *a);

/* The root's handover is a move of what that revision removes: nothing waits for it. PRE: there is a handover. */
bool rollout_move_is_in_vain(const struct slot_control *root, const struct revision *revision);

#endif
