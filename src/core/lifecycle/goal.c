/*
 * What people ask for: goals of one instance, and grouped operations. Refusals are made here.
 * Source: [lifecycle.goal], [lifecycle.stop], [lifecycle.deploy], [lifecycle.group].
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/vector.h"
#include "core/lifecycle/lifecycle.h"

int goal_check(const struct instance *i, enum instance_goal goal, struct error **err)
{
	const struct instance *parent = instance_parent(i);
	if (parent == NULL)
		return 0;
	const char *path = instance_decl(i)->path, *above = instance_decl(parent)->path;
	if (goal == GOAL_DEPLOYED_STARTED && parent->goal != GOAL_DEPLOYED_STARTED)
		return error_set(err, ERR_CONFLICT,
				 "%s cannot be started: the goal of its parent %s is %s; start "
				 "the parent first",
				 path, above, goal_name(parent->goal));
	if (goal == GOAL_DEPLOYED_STOPPED && parent->goal == GOAL_NOT_DEPLOYED)
		return error_set(
			err, ERR_CONFLICT,
			"%s cannot be deployed: the goal of its parent %s is %s; deploy "
			"the parent first",
			path, above, goal_name(parent->goal));
	return 0;
}

void goal_set(struct instance *i, enum instance_goal goal, const char *cause)
{
	struct application *app = i->app;
	struct lifecycle *l = app->lifecycle;
	enum instance_goal from = i->goal;
	if (from == goal)
		return;
	bool is_started = i->state == STATE_DEPLOYED_STARTED;
	bool is_deployed = i->state != STATE_NOT_DEPLOYED;
	app->to_start -= from == GOAL_DEPLOYED_STARTED;
	app->to_start += goal == GOAL_DEPLOYED_STARTED;
	app->to_start_started -= from == GOAL_DEPLOYED_STARTED && is_started;
	app->to_start_started += goal == GOAL_DEPLOYED_STARTED && is_started;
	app->not_gone -= from != GOAL_NOT_DEPLOYED || is_deployed;
	app->not_gone += goal != GOAL_NOT_DEPLOYED || is_deployed;
	i->goal = goal;
	i->placed_anew = false;
	free(i->goal_cause);
	i->goal_cause = mem_strdup(cause);
	i->goal_ms = l->now.wall_ms;
	if (goal == GOAL_DEPLOYED_STARTED)
		group_leave(i);
	l->listener->goal_changed(l->user, i, from);
	lifecycle_push(i);
}

/* The last action failed, and the state is not where the goal wants it. */
static bool last_action_failed(const struct instance *i)
{
	return i->gave_up || i->undeploy_failed || i->failures > 0 ||
	       i->retry_at_ms > i->app->lifecycle->now.mono_ms;
}

void goal_retry(struct instance *i)
{
	bool there = (i->goal == GOAL_DEPLOYED_STARTED && i->state == STATE_DEPLOYED_STARTED) ||
		     (i->goal == GOAL_DEPLOYED_STOPPED && i->state == STATE_DEPLOYED_STOPPED) ||
		     (i->goal == GOAL_NOT_DEPLOYED && i->state == STATE_NOT_DEPLOYED);
	if (!there && last_action_failed(i))
		instance_refresh(i);
}

/* One instance of a request: a new goal starts with fresh attempts, too. */
static void ask(struct instance *i, enum instance_goal goal, const char *cause)
{
	if (i->goal == goal) {
		goal_retry(i);
		return;
	}
	bool failed = last_action_failed(i) || i->finished;
	goal_set(i, goal, cause);
	if (failed)
		instance_refresh(i);
}

void goal_request(struct instance *i, enum instance_goal goal, const char *cause)
{
	struct application *app = i->app;
	uint32_t end = i->index + instance_decl(i)->subtree_count;
	bool stop = goal == GOAL_DEPLOYED_STOPPED && i->goal == GOAL_DEPLOYED_STARTED;
	ask(i, goal, cause);
	for (uint32_t k = i->index + 1; k < end; k++) {
		struct instance *below = &app->instances[k];
		if (goal == GOAL_NOT_DEPLOYED)
			ask(below, goal, cause);
		else if (stop && below->goal == GOAL_DEPLOYED_STARTED)
			ask(below, goal, cause);
	}
}

const char *group_action_name(enum group_action action)
{
	static const char *const names[] = {"deploy-all", "start-all", "stop-all",
					    "undeploy-all"};
	return names[action];
}

static enum instance_goal group_goal(enum group_action action)
{
	switch (action) {
	case GROUP_DEPLOY_ALL:
	case GROUP_START_ALL:
		return GOAL_DEPLOYED_STARTED;
	case GROUP_STOP_ALL:
		return GOAL_DEPLOYED_STOPPED;
	case GROUP_UNDEPLOY_ALL:
		return GOAL_NOT_DEPLOYED;
	}
	IMPOSSIBLE("no such action");
}

static bool group_concerns(enum group_action action, const struct instance *i)
{
	switch (action) {
	case GROUP_DEPLOY_ALL:
	case GROUP_UNDEPLOY_ALL:
		return true;
	case GROUP_START_ALL:
		return i->goal != GOAL_NOT_DEPLOYED;
	case GROUP_STOP_ALL:
		return i->goal == GOAL_DEPLOYED_STARTED;
	}
	IMPOSSIBLE("no such action");
}

int group_request(struct application *app, struct instance *root, enum group_action action,
		  const char *cause, struct error **err)
{
	uint32_t first = root != NULL ? root->index : 0;
	uint32_t end = root != NULL ? first + instance_decl(root)->subtree_count
				    : app->topology->instance_count;
	enum instance_goal goal = group_goal(action);
	if (root != NULL && goal == GOAL_DEPLOYED_STARTED && group_concerns(action, root)) {
		int r = goal_check(root, goal, err);
		if (r < 0)
			return r;
	}
	VECTOR(struct instance *) members = {0};
	for (uint32_t k = first; k < end; k++) {
		struct instance *i = &app->instances[k];
		if (!group_concerns(action, i))
			continue;
		/* In pre-order: a parent that takes part is already asked to start. */
		const struct instance *parent = instance_parent(i);
		if (goal == GOAL_DEPLOYED_STARTED && parent != NULL &&
		    parent->goal != GOAL_DEPLOYED_STARTED)
			continue;
		if (goal != GOAL_DEPLOYED_STARTED && state_is_active(i->state))
			vector_push(&members, i);
		ask(i, goal, cause);
	}
	if (members.count > 0)
		group_order(app, members.items, members.count);
	vector_done(&members);
	return 0;
}
