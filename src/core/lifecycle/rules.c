/*
 * The rules: what one instance does next, given its goal, its parent and its providers; and
 * the queue that applies them until nothing moves. Source: [lifecycle.start],
 * [lifecycle.dependency], [lifecycle.stop], [lifecycle.deploy].
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"

void lifecycle_init(struct lifecycle *l, const struct lifecycle_listener *listener, void *user)
{
	*l = (struct lifecycle){.listener = listener, .user = user};
}

void lifecycle_done(struct lifecycle *l)
{
	INVARIANT(l->first == NULL);
	heap_done(&l->holds);
}

void lifecycle_push(struct instance *i)
{
	if (i->queued)
		return;
	struct lifecycle *l = i->app->lifecycle;
	i->queued = true;
	i->next_queued = NULL;
	if (l->last != NULL)
		l->last->next_queued = i;
	else
		l->first = i;
	l->last = i;
}

static struct instance *pop(struct lifecycle *l)
{
	struct instance *i = l->first;
	l->first = i->next_queued;
	if (l->first == NULL)
		l->last = NULL;
	i->next_queued = NULL;
	i->queued = false;
	return i;
}

void lifecycle_forget(const struct application *app)
{
	struct lifecycle *l = app->lifecycle;
	struct instance *rest = l->first;
	l->first = l->last = NULL;
	while (rest != NULL) {
		struct instance *i = rest;
		rest = i->next_queued;
		i->queued = false;
		i->next_queued = NULL;
		if (i->app != app)
			lifecycle_push(i);
	}
}

/* ---- moves ---- */

static void push_children(struct instance *i)
{
	const struct topology *t = i->app->topology;
	instance_for_each_child (t, i->index, c)
		lifecycle_push(&i->app->instances[c]);
}

static void push_space(struct application *app, unsigned space)
{
	const struct space *s = &app->topology->spaces[space];
	for (unsigned k = 0; k < s->instance_count; k++) {
		struct instance *i = &app->instances[s->instances[k]];
		if (i->goal == GOAL_DEPLOYED_STARTED || i->state == STATE_DEPLOYED_STARTED)
			lifecycle_push(i);
	}
}

/* A provider came or went. Whether an importer may run can change only with the first or the
 * last one (the second, for a space that imports itself: an instance does not count as its own
 * provider); what it is told changes every time. */
static void tell_importers(struct instance *i, unsigned started_before)
{
	struct application *app = i->app;
	struct lifecycle *l = app->lifecycle;
	unsigned space = instance_decl(i)->space;
	unsigned least =
		started_before < app->started[space] ? started_before : app->started[space];
	const struct importer_list *list = &app->importers[space];
	for (unsigned k = 0; k < list->count; k++) {
		bool self = list->spaces[k] == space;
		if (list->mandatory[k] && (least == 0 || (self && least == 1)))
			push_space(app, list->spaces[k]);
		l->listener->imports_changed(l->user, app, list->spaces[k]);
	}
}

static void count_move(struct instance *i, enum instance_state from, enum instance_state to)
{
	struct application *app = i->app;
	struct instance *parent = instance_parent(i);
	if (i->goal == GOAL_DEPLOYED_STARTED) {
		app->to_start_started -= from == STATE_DEPLOYED_STARTED;
		app->to_start_started += to == STATE_DEPLOYED_STARTED;
	}
	if (i->goal == GOAL_NOT_DEPLOYED) {
		app->not_gone -= from != STATE_NOT_DEPLOYED;
		app->not_gone += to != STATE_NOT_DEPLOYED;
	}
	if (parent != NULL) {
		parent->deployed_children -= from != STATE_NOT_DEPLOYED;
		parent->deployed_children += to != STATE_NOT_DEPLOYED;
	}
	for (struct instance *above = parent; above != NULL; above = instance_parent(above)) {
		above->active_below -= state_is_active(from);
		above->active_below += state_is_active(to);
	}
	unsigned space = instance_decl(i)->space;
	app->started[space] -= from == STATE_DEPLOYED_STARTED;
	app->started[space] += to == STATE_DEPLOYED_STARTED;
}

void instance_move(struct instance *i, enum instance_state to, bool adopting, const char *cause)
{
	struct application *app = i->app;
	struct lifecycle *l = app->lifecycle;
	enum instance_state from = i->state;
	PRE(state_may_move(from, to, adopting));
	unsigned started_before = app->started[instance_decl(i)->space];

	i->state = to;
	i->since_ms = l->now.wall_ms;
	count_move(i, from, to);
	if (to != STATE_DEPLOYED_STARTED)
		i->closing = false;
	else
		i->started_seq = ++l->next_started;
	if (state_is_active(from) && !state_is_active(to))
		group_leave(i);
	l->listener->moved(l->user, i, from, cause);

	/* Itself first: one that must stop again at once does so before others count on it. */
	lifecycle_push(i);
	if (from == STATE_DEPLOYED_STARTED || to == STATE_DEPLOYED_STARTED)
		tell_importers(i, started_before);
	push_children(i);
	struct instance *parent = instance_parent(i);
	if (parent != NULL && parent->deployed_children == 0)
		lifecycle_push(parent);
	/* One that is itself gone may still have had some below that were stopping. */
	if (state_is_active(from) && !state_is_active(to))
		for (; parent != NULL; parent = instance_parent(parent))
			if (parent->active_below == 0)
				lifecycle_push(parent);
}

void instance_restore(struct instance *i, enum instance_goal goal, enum instance_state state)
{
	struct application *app = i->app;
	PRE(i->state == STATE_NOT_DEPLOYED && i->goal == GOAL_NOT_DEPLOYED);
	i->goal = goal;
	app->to_start += goal == GOAL_DEPLOYED_STARTED;
	app->not_gone += goal != GOAL_NOT_DEPLOYED;
	i->state = state;
	count_move(i, STATE_NOT_DEPLOYED, state);
}

void instance_set_target(struct instance *i, enum instance_target target)
{
	if (i->target == target)
		return;
	struct lifecycle *l = i->app->lifecycle;
	i->target = target;
	i->order++;
	l->listener->ordered(l->user, i);
}

void instance_refresh(struct instance *i)
{
	struct lifecycle *l = i->app->lifecycle;
	i->fresh++;
	i->order++;
	i->gave_up = false;
	i->undeploy_failed = false;
	i->retry_at_ms = 0;
	i->failures = 0;
	i->finished = false;
	l->listener->ordered(l->user, i);
	lifecycle_push(i);
}

void instance_set_exports(struct instance *i, struct instance_variable *take, size_t count)
{
	for (size_t k = 0; k < i->export_count; k++) {
		free(i->exports[k].name);
		free(i->exports[k].value);
	}
	free(i->exports);
	i->exports = take;
	i->export_count = count;
}

void instance_hold(struct instance *i, int64_t until_ms)
{
	struct lifecycle *l = i->app->lifecycle;
	i->hold_until_ms = until_ms;
	if (until_ms > l->now.mono_ms)
		heap_set(&l->holds, &i->hold_timer, until_ms);
	else
		heap_remove(&l->holds, &i->hold_timer);
}

void lifecycle_tick(struct lifecycle *l)
{
	for (struct heap_node *n;
	     (n = heap_first(&l->holds)) != NULL && n->key <= l->now.mono_ms;) {
		heap_remove(&l->holds, n);
		lifecycle_push(container_of(n, struct instance, hold_timer));
	}
}

int64_t lifecycle_next_ms(const struct lifecycle *l)
{
	const struct heap_node *n = heap_first(&l->holds);
	return n != NULL ? n->key : NEVER_MS;
}

/* ---- rules ---- */

static const char *goal_cause(const struct instance *i)
{
	const struct instance *root = instance_root((struct instance *)i);
	if (root->evacuating)
		return "it is being re-placed";
	return i->goal_cause != NULL ? i->goal_cause : "asked for";
}

/* Installed enough for a child to be deployed, and going to stay. */
static bool is_deployed(const struct instance *i)
{
	return i->state != STATE_NOT_DEPLOYED && i->state != STATE_DEPLOYING &&
	       i->state != STATE_UNDEPLOYING && instance_effective_goal(i) != GOAL_NOT_DEPLOYED;
}

static void rule_not_deployed(struct instance *i)
{
	struct lifecycle *l = i->app->lifecycle;
	if (instance_effective_goal(i) == GOAL_NOT_DEPLOYED) {
		i->retry_at_ms = 0;
		i->gave_up = false;
		instance_set_target(i, TARGET_NONE);
		l->listener->gone(l->user, i);
		return;
	}
	if (!instance_is_placed(i) || i->gave_up || i->retry_at_ms > l->now.mono_ms)
		return;
	const struct instance *parent = instance_parent(i);
	if (parent != NULL && !is_deployed(parent))
		return;
	i->undeploy_failed = false;
	instance_set_target(i, TARGET_DEPLOYED);
	instance_move(i, STATE_DEPLOYING, false, i->placed_anew ? "re-placed" : goal_cause(i));
}

static void move_unless_there(struct instance *i, enum instance_state to, const char *cause)
{
	if (i->state != to)
		instance_move(i, to, false, cause);
}

/* Steps 1 to 3 of "Start". */
static void rule_start(struct instance *i)
{
	struct lifecycle *l = i->app->lifecycle;
	const struct instance *parent = instance_parent(i);
	if (parent != NULL && !instance_is_up(parent)) {
		instance_set_target(i, TARGET_DEPLOYED);
		CLEANUP(freep)
		char *cause =
			str_printf("ancestor %s is not started", instance_decl(parent)->path);
		move_unless_there(i, STATE_WAITING_FOR_ANCESTOR, cause);
		return;
	}
	const struct import_decl *missing = instance_missing_import(i);
	if (missing != NULL) {
		instance_set_target(i, TARGET_DEPLOYED);
		CLEANUP(freep)
		char *cause = str_printf("no started provider of %s", missing->from);
		move_unless_there(i, STATE_UNRESOLVED, cause);
		return;
	}
	if (i->hold_until_ms > l->now.mono_ms) {
		instance_set_target(i, TARGET_DEPLOYED);
		move_unless_there(i, STATE_DEPLOYED_STOPPED,
				  "the copy on the lost zhost may still live");
		return;
	}
	instance_set_target(i, TARGET_STARTED);
	if (i->gave_up || i->retry_at_ms > l->now.mono_ms) {
		move_unless_there(i, STATE_DEPLOYED_STOPPED, "the next attempt waits");
		return;
	}
	i->finished = false;
	instance_move(i, STATE_STARTING, false,
		      i->state == STATE_DEPLOYED_STOPPED ? "ready"
							 : "what it waited for is there");
}

/* deployed-stopped, unresolved, waiting-for-ancestor */
static void rule_deployed(struct instance *i)
{
	enum instance_goal goal = instance_effective_goal(i);
	if (goal == GOAL_DEPLOYED_STARTED) {
		rule_start(i);
		return;
	}
	instance_set_target(i, TARGET_DEPLOYED);
	if (i->state != STATE_DEPLOYED_STOPPED) {
		instance_move(i, STATE_DEPLOYED_STOPPED, false, goal_cause(i));
		return; /* pushed again */
	}
	if (goal == GOAL_NOT_DEPLOYED && !i->undeploy_failed && i->deployed_children == 0) {
		instance_set_target(i, TARGET_NONE);
		instance_move(i, STATE_UNDEPLOYING, false, goal_cause(i));
	}
}

static void rule_started(struct instance *i)
{
	const struct instance *parent = instance_parent(i);
	const struct import_decl *missing = instance_missing_import(i);
	bool ancestor_gone = parent != NULL && !instance_is_up(parent);
	bool unwanted = instance_effective_goal(i) != GOAL_DEPLOYED_STARTED;
	if (!unwanted && !ancestor_gone && missing == NULL) {
		if (i->closing) {
			i->closing = false;
			push_children(i);
		}
		return;
	}
	if (unwanted && !ancestor_gone && missing == NULL && group_holds(i))
		return; /* its importers in the group stop first */
	if (!i->closing) {
		i->closing = true;
		push_children(i);
	}
	if (i->active_below > 0)
		return; /* bottom-up */
	CLEANUP(freep) char *cause = NULL;
	if (unwanted)
		cause = mem_strdup(goal_cause(i));
	else if (ancestor_gone)
		cause = str_printf("ancestor %s stops", instance_decl(parent)->path);
	else
		cause = str_printf("lost the last provider of %s", missing->from);
	instance_set_target(i, TARGET_DEPLOYED);
	instance_move(i, STATE_STOPPING, false, cause);
}

void instance_stopped(struct instance *i, const char *cause)
{
	const struct instance *parent = instance_parent(i);
	enum instance_state to = STATE_DEPLOYED_STOPPED;
	if (instance_effective_goal(i) == GOAL_DEPLOYED_STARTED) {
		if (parent != NULL && !instance_is_up(parent))
			to = STATE_WAITING_FOR_ANCESTOR;
		else if (instance_missing_import(i) != NULL)
			to = STATE_UNRESOLVED;
	}
	instance_move(i, to, false, cause);
}

static void apply_rules(struct instance *i)
{
	switch (i->state) {
	case STATE_NOT_DEPLOYED:
		rule_not_deployed(i);
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		rule_deployed(i);
		break;
	case STATE_DEPLOYED_STARTED:
		rule_started(i);
		break;
	case STATE_DEPLOYING:
	case STATE_STARTING:
	case STATE_STOPPING:
	case STATE_UNDEPLOYING:
		break; /* the action ends first */
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

void lifecycle_settle(struct lifecycle *l)
{
	while (l->first != NULL)
		apply_rules(pop(l));
}
