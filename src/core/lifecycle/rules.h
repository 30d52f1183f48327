/*
 * The rules: what one slot does next, given its goal, its parent and its providers. Source:
 * [lifecycle.start], [lifecycle.dependency], [lifecycle.stop], [lifecycle.deploy].
 */
#ifndef SAMOZA_CORE_LIFECYCLE_RULES_H
#define SAMOZA_CORE_LIFECYCLE_RULES_H

#include "core/lifecycle/lifecycle.h"

/* Applies the rules until no slot in the queue moves. */
void lifecycle_settle(struct lifecycle *l);

/* The gate of a slot's state: moves, keeps the counts, tells the observer, and queues the slots that
 * the move can affect. `adopting`: a zhost's report is taken as it is. PRE: the table of state.h
 * allows it. */
void slot_move(struct slot *s, enum instance_state to, bool adopting, const char *cause)
	__attribute__((nonnull));
/* Its stop has ended: deployed-stopped, or what it waits for. PRE: stopping. */
void slot_stopped(struct slot *s, const char *cause);
/* While a store is loaded: takes goal and state as they are, tells no observer. PRE: new. */
void slot_restore(struct slot *s, enum instance_goal goal, enum instance_state state);
/* Started under other exports than before: its importers get an update. */
void slot_exports_changed(struct slot *s);

#endif
