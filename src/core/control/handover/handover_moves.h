/*
 * What belongs to each move of a handover, made in one commit with it: roles, who writes, states of slots,
 * what the rest of control is to look at.
 *
 *   draining, starting, retiring from before the switch     the successor serves and writes
 *   removing from returning                                 the incumbent serves and writes again
 *   sharing                                                 the successor gets a share
 *   stopping, returning                                     the unit yields: it acts as if it were to stop
 *
 * Source: [change.handover].
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVER_MOVES_H
#define SAMOZA_CORE_CONTROL_HANDOVER_MOVES_H

#include "core/control/state/application.h"

/* PRE: the unit has a handover, and the table allows the move. */
void handover_move(struct control *c, struct slot_control *root, enum handover_state to);
/* What belongs to the state that a record holds. PRE: all copies are loaded. */
void handover_resume(struct control *c, struct slot_control *root);
/* Whatever stands beside the copies that serve is to go, and the unit yields no longer. PRE: it has a
 * handover. */
void handover_let_go(struct control *c, struct slot_control *root);
/* It is over: what has handed over is gone, or no longer waited for, and gets no answers any longer. PRE: it has
 * a handover. */
void handover_leave(struct slot_control *root);

#endif
