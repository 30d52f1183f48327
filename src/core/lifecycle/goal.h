/*
 * What people ask for: the goal of one instance, and grouped operations. Refusals are made here.
 * Source: [lifecycle.goal], [lifecycle.stop], [lifecycle.deploy], [lifecycle.group].
 */
#ifndef SAMOZA_CORE_LIFECYCLE_GOAL_H
#define SAMOZA_CORE_LIFECYCLE_GOAL_H

#include "base/error.h"
#include "core/lifecycle/lifecycle.h"

/* The refusals of [lifecycle.goal]: ERR_CONFLICT, with names and goals. */
int goal_check(const struct slot *s, enum instance_goal goal, struct error **err) must_check;
/* Sets it on `s` and, where the meaning says so, on its sub-tree; a goal already held is tried
 * again when its last action failed. `cause`: "stopped by ops". */
void goal_request(struct slot *s, enum instance_goal goal, const char *cause);
/* Tries again at once, with no failure counted, when the last action failed. */
void goal_retry(struct slot *s);
/* The zhost is to try again with no failure counted, whatever the last action did. */
void slot_retry(struct slot *s);

enum grouped_action {
	GROUPED_DEPLOY_ALL,
	GROUPED_START_ALL,
	GROUPED_STOP_ALL,
	GROUPED_UNDEPLOY_ALL,
};
/* On `root` and everything below, or on all slots when root is NULL. Refused as goal_check()
 * refuses the root. */
int grouped_request(struct slot_set *set, struct slot *root, enum grouped_action action,
		    const char *cause, struct error **err) must_check;

#endif
