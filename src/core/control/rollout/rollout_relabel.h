/*
 * Units whose content is the same in the revision that is wanted: nothing of theirs reaches a process.
 *
 *   their place does not fit what is required now    they move, first of all [change.submit.verdict-moved]
 *   all others                                       their copies are of that revision once everything
 *                                                    else is done [change.submit.verdict-adjusted]
 */
#ifndef SAMOZA_CORE_CONTROL_ROLLOUT_RELABEL_H
#define SAMOZA_CORE_CONTROL_ROLLOUT_RELABEL_H

#include "core/control/state/application.h"

/* Hands over, once on each way there or back, what has to leave its zhost. PRE: there is a rollout. */
void rollout_begin_moves(struct control *c, struct control_application *a);
/* What gets members, and nothing else, gets them in place, or, where they do not fit, is handed over with them. PRE: as above. */
void rollout_extend(struct control *c, struct control_application *a);
/* All of them are of the wanted revision from now on. False: one has to move first, and does. PRE: every unit is
 * current. */
bool rollout_relabel(struct control *c, struct control_application *a);
/* A unit that has no copy is to be placed in the revision that is wanted now. */
void rollout_rebase_unplaced(struct control *c, struct control_application *a);

#endif
