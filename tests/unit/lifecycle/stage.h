/*
 * A topology on a stage: the life cycle without control, zhosts or time. Tests say what the
 * actions' results are.
 */
#ifndef SAMOZA_TEST_LIFECYCLE_STAGE_H
#define SAMOZA_TEST_LIFECYCLE_STAGE_H

#include "base/buffer.h"
#include "core/lifecycle/lifecycle.h"

struct stage {
	struct lifecycle lifecycle;
	struct application *app;
	struct buffer stops;   /* "b a c": as they entered stopping */
	unsigned long moves;   /* changes of state */
	unsigned long updates; /* importers told of a change */
};

/* `spaces`: the list of topology.yaml. All instances are placed, with that goal and state. */
void stage_set_up(struct stage *stage, const char *spaces, enum instance_goal goal,
		  enum instance_state state);
void stage_tear_down(struct stage *stage);
struct instance *stage_instance(struct stage *stage, const char *path);
/* Everything that is under way ends well, in rounds, until nothing is. */
void stage_run(struct stage *stage);
/* One round: every action that is under way now ends well. False: there was none. */
bool stage_round(struct stage *stage);

#endif
