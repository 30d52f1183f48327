#include "core/lifecycle/goal.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/slot_set.h"

int goal_check(const struct slot *s, enum instance_goal goal, struct error **err)
{
	const struct slot *parent = s->parent;
	if (s->leaves && s->each && goal != GOAL_NOT_DEPLOYED)
		return error_set(err, ERR_CONFLICT,
				 "%s is being removed: its zhost was removed or is drained, or "
				 "does not fit any longer, or the version that is wanted does "
				 "not declare it",
				 s->path);
	if (s->leaves && goal != GOAL_NOT_DEPLOYED)
		return error_set(err, ERR_CONFLICT,
				 "%s is being removed: the version that is wanted does not "
				 "declare it",
				 s->path);
	if (parent == NULL)
		return 0;
	if (goal == GOAL_DEPLOYED_STARTED && parent->goal != GOAL_DEPLOYED_STARTED)
		return error_set(err, ERR_CONFLICT,
				 "%s cannot be started: the goal of its parent %s is %s; start "
				 "the parent first",
				 s->path, parent->path, goal_name(parent->goal));
	if (goal == GOAL_DEPLOYED_STOPPED && parent->goal == GOAL_NOT_DEPLOYED)
		return error_set(
			err, ERR_CONFLICT,
			"%s cannot be deployed: the goal of its parent %s is %s; deploy "
			"the parent first",
			s->path, parent->path, goal_name(parent->goal));
	return 0;
}

/* Sets one slot's goal, nothing else (no retry, no sub-tree). */
static void set_goal(struct slot *s, enum instance_goal goal, const char *cause)
{
	struct slot_set *set = s->set;
	struct lifecycle *l = set->lifecycle;
	enum instance_goal from = s->goal;
	bool is_deployed = s->state != STATE_NOT_DEPLOYED;
	slot_count_required(s, -1);
	set->not_gone -= from != GOAL_NOT_DEPLOYED || is_deployed;
	set->not_gone += goal != GOAL_NOT_DEPLOYED || is_deployed;
	s->goal = goal;
	slot_count_required(s, 1);
	free(s->goal_cause);
	s->goal_cause = mem_strdup(cause);
	s->goal_ms = l->now.wall_ms;
	if (goal == GOAL_DEPLOYED_STARTED)
		ordered_stop_leave(s);
	l->observer->on_goal_changed(l, s, from);
	lifecycle_push(s);
}

void slot_retry(struct slot *s)
{
	struct lifecycle *l = s->set->lifecycle;
	s->finished = false;
	l->observer->on_retry(l, s);
	lifecycle_push(s);
}

/* The last action failed, and the state is not where the goal wants it. */
static bool last_action_failed(const struct slot *s)
{
	return s->serving.exhausted || s->serving.undeploy_failed || s->serving.failed ||
	       s->serving.retry_at_ms > s->set->lifecycle->now.mono_ms;
}

void goal_retry(struct slot *s)
{
	bool there = (s->goal == GOAL_DEPLOYED_STARTED && s->state == STATE_DEPLOYED_STARTED) ||
		     (s->goal == GOAL_DEPLOYED_STOPPED && s->state == STATE_DEPLOYED_STOPPED) ||
		     (s->goal == GOAL_NOT_DEPLOYED && s->state == STATE_NOT_DEPLOYED);
	if (!there && last_action_failed(s))
		slot_retry(s);
}

/* One slot of a request: a new goal starts with no failure counted, too. */
static void ask(struct slot *s, enum instance_goal goal, const char *cause)
{
	if (s->leaves && goal != GOAL_NOT_DEPLOYED)
		return;
	if (s->goal == goal) {
		goal_retry(s);
		return;
	}
	bool failed = last_action_failed(s) || s->finished;
	set_goal(s, goal, cause);
	if (failed)
		slot_retry(s);
}

void goal_request(struct slot *s, enum instance_goal goal, const char *cause)
{
	bool stop = goal == GOAL_DEPLOYED_STOPPED && s->goal == GOAL_DEPLOYED_STARTED;
	ask(s, goal, cause);
	slot_for_each_below (s, below) {
		if (below == s)
			continue;
		if (goal == GOAL_NOT_DEPLOYED || (stop && below->goal == GOAL_DEPLOYED_STARTED))
			ask(below, goal, cause);
	}
}

/* ---- grouped operations ---- */

static enum instance_goal grouped_goal(enum grouped_action action)
{
	switch (action) {
	case GROUPED_DEPLOY_ALL:
	case GROUPED_START_ALL:
		return GOAL_DEPLOYED_STARTED;
	case GROUPED_STOP_ALL:
		return GOAL_DEPLOYED_STOPPED;
	case GROUPED_UNDEPLOY_ALL:
		return GOAL_NOT_DEPLOYED;
	}
	IMPOSSIBLE("no such action");
}

static bool grouped_concerns(enum grouped_action action, const struct slot *s)
{
	switch (action) {
	case GROUPED_DEPLOY_ALL:
	case GROUPED_UNDEPLOY_ALL:
		return true;
	case GROUPED_START_ALL:
		return s->goal != GOAL_NOT_DEPLOYED;
	case GROUPED_STOP_ALL:
		return s->goal == GOAL_DEPLOYED_STARTED;
	}
	IMPOSSIBLE("no such action");
}

/* Asks one slot, and adds it to those whose stop is to be ordered. */
static void grouped_ask(struct slot *s, enum grouped_action action, const char *cause,
			slot_list *to_stop)
{
	enum instance_goal goal = grouped_goal(action);
	/* One that is about to stop already takes part in the order, no matter who asked it. */
	if (goal != GOAL_DEPLOYED_STARTED && state_is_active(s->state))
		vector_push(to_stop, s);
	if (!grouped_concerns(action, s) || (s->leaves && goal != GOAL_NOT_DEPLOYED))
		return;
	/* Parents come first: one that takes part is already asked to start. */
	if (goal == GOAL_DEPLOYED_STARTED && s->parent != NULL &&
	    s->parent->goal != GOAL_DEPLOYED_STARTED)
		return;
	ask(s, goal, cause);
}

int grouped_request(struct slot_set *set, struct slot *root, enum grouped_action action,
		    const char *cause, struct error **err)
{
	slot_list to_stop = {0};
	if (root != NULL && grouped_goal(action) == GOAL_DEPLOYED_STARTED &&
	    grouped_concerns(action, root)) {
		int r = goal_check(root, GOAL_DEPLOYED_STARTED, err);
		if (r < 0)
			return r;
	}
	if (root != NULL) {
		slot_for_each_below (root, s)
			grouped_ask(s, action, cause, &to_stop);
	} else {
		vector_for_each (&set->slots, s)
			grouped_ask(*s, action, cause, &to_stop);
	}
	if (to_stop.count > 0)
		ordered_stop_begin(set, to_stop.items, to_stop.count);
	vector_done(&to_stop);
	return 0;
}
