/*
 * A topology on a stage: the life cycle without control, zhosts or time. Every slot has a place;
 * tests say how actions end.
 */
#ifndef SAMOZA_TEST_LIFECYCLE_STAGE_H
#define SAMOZA_TEST_LIFECYCLE_STAGE_H

#include "base/buffer.h"
#include "base/heap.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"

struct stage {
	struct lifecycle lifecycle;
	struct slot_set slots;
	struct buffer stops; /* "b a c": as they entered stopping */
	unsigned long moves; /* changes of state */
	unsigned long
		updates; /* importing spaces whose providers changed, one for each change */
};

/* `spaces`: the list of topology.yaml. All instances are placed, with that goal and state. */
void stage_set_up(struct stage *stage, const char *spaces, enum instance_goal goal,
		  enum instance_state state);
/* The caller drops the reference. */
struct topology *stage_compile(const char *spaces);
void stage_tear_down(struct stage *stage);
struct slot *stage_slot(struct stage *stage, const char *path);
/* Every action that is under way succeeds, in rounds, until there is none. */
void stage_run(struct stage *stage);
/* One round: every action that is under way now succeeds. False: there was none. */
bool stage_round(struct stage *stage);

#endif
