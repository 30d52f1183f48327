#include "core/lifecycle/rules.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/slot_set.h"
#include "core/lifecycle/start_condition.h"

/* ---- moves ---- */

static void push_children(struct slot *s)
{
	slot_for_each_child (s, child)
		lifecycle_push(child);
}

static void push_space(struct slot_set *set, uint32_t space)
{
	vector_for_each (&set->spaces.items[space]->slots, s)
		if ((*s)->goal == GOAL_DEPLOYED_STARTED ||
		    (*s)->state == STATE_DEPLOYED_STARTED)
			lifecycle_push(*s);
}

/* Others that are started under one of the names that it provides: of that with the fewest. Not all
 * instances of its space provide the same while versions of it differ. */
static uint32_t least_others(const struct slot *s)
{
	const struct declaration *declared = s->serving.declared;
	uint32_t least = UINT32_MAX;
	for (unsigned k = 0; k < declared->provide_count; k++)
		if (declared->provides[k]->started < least)
			least = declared->provides[k]->started;
	return least - (s->state == STATE_DEPLOYED_STARTED);
}

/* A provider came or went. Whether an importer may run can change only with the first or the
 * last one (the second, for a space that imports itself: a slot does not count as its own
 * provider); what it imports changes every time. */
static void notify_importers(struct slot *s)
{
	struct lifecycle *l = s->set->lifecycle;
	uint32_t others = least_others(s);
	vector_for_each (&s->serving.declared->importers, importer) {
		bool self = importer->set == s->set && importer->space == s->space;
		if (importer->mandatory && (others == 0 || (self && others == 1)))
			push_space(importer->set, importer->space);
		l->observer->on_imports_changed(l, importer->set, importer->space);
	}
}

void slot_exports_changed(struct slot *s)
{
	struct lifecycle *l = s->set->lifecycle;
	vector_for_each (&s->serving.declared->importers, importer)
		l->observer->on_imports_changed(l, importer->set, importer->space);
}

static void count_move(struct slot *s, enum instance_state from, enum instance_state to)
{
	struct slot_set *set = s->set;
	const struct declaration *declared = s->serving.declared;
	set->in_state[from]--;
	set->in_state[to]++;
	if (slot_is_required(s)) {
		set->to_start_started -= from == STATE_DEPLOYED_STARTED;
		set->to_start_started += to == STATE_DEPLOYED_STARTED;
	}
	if (s->goal == GOAL_NOT_DEPLOYED) {
		set->not_gone -= from != STATE_NOT_DEPLOYED;
		set->not_gone += to != STATE_NOT_DEPLOYED;
	}
	if (s->parent != NULL) {
		s->parent->deployed_children -= from != STATE_NOT_DEPLOYED;
		s->parent->deployed_children += to != STATE_NOT_DEPLOYED;
	}
	for (struct slot *above = s->parent; above != NULL; above = above->parent) {
		above->active_below -= state_is_active(from);
		above->active_below += state_is_active(to);
	}
	if (from == to)
		return;
	for (unsigned k = 0; k < declared->provide_count; k++) {
		struct provider_set *provides = declared->provides[k];
		if (from == STATE_DEPLOYED_STARTED) {
			provides->started--;
			patience_provider_left(provides, s->goal != GOAL_DEPLOYED_STARTED);
		}
		if (to == STATE_DEPLOYED_STARTED) {
			provides->started++;
			patience_provider_came(provides);
		}
	}
}

void slot_move(struct slot *s, enum instance_state to, bool adopting, const char *cause)
{
	struct lifecycle *l = s->set->lifecycle;
	enum instance_state from = s->state;

	if (to != STATE_DEPLOYED_STARTED) {
		s->closing = false;
		slot_returned(s, 0);
	}
	if (state_is_active(from) && !state_is_active(to))
		ordered_stop_leave(s);
	(adopting ? state_machine_adopt : state_machine_move)(&slot_machine, s, &s->state, to);
	s->since_ms = l->now.wall_ms;
	count_move(s, from, to);
	l->observer->on_moved(l, s, from, cause);

	/* Itself first: one that must stop again at once does so before others count on it. */
	lifecycle_push(s);
	if (from == STATE_DEPLOYED_STARTED || to == STATE_DEPLOYED_STARTED)
		notify_importers(s);
	push_children(s);
	struct slot *above = s->parent;
	if (above != NULL && above->deployed_children == 0)
		lifecycle_push(above);
	/* A parent that is itself gone may still have had some below that were stopping. */
	if (state_is_active(from) && !state_is_active(to))
		for (; above != NULL; above = above->parent)
			if (above->active_below == 0)
				lifecycle_push(above);
}

void slot_restore(struct slot *s, enum instance_goal goal, enum instance_state state)
{
	PRE(s->state == STATE_NOT_DEPLOYED && s->goal == GOAL_NOT_DEPLOYED);
	s->goal = goal;
	slot_count_required(s, 1);
	s->set->not_gone += goal != GOAL_NOT_DEPLOYED;
	if (state == STATE_NOT_DEPLOYED)
		return;
	state_machine_adopt(&slot_machine, s, &s->state, state);
	count_move(s, STATE_NOT_DEPLOYED, state);
}

static void set_target(struct slot *s, enum instance_target target)
{
	struct lifecycle *l = s->set->lifecycle;
	l->observer->on_target(l, s, target);
}

/* ---- rules ---- */

static bool retry_waits(const struct slot *s)
{
	return s->serving.retry_at_ms > s->set->lifecycle->now.mono_ms;
}

static const char *goal_cause(const struct slot *s)
{
	if (s->root->moving)
		return "it is being re-placed";
	if (s->root->yields && s->goal > GOAL_DEPLOYED_STOPPED)
		return "it is being handed over";
	return s->goal_cause != NULL ? s->goal_cause : "asked for";
}

/* Installed enough for a child to be deployed, and going to stay. */
static bool is_deployed(const struct slot *s)
{
	return s->state != STATE_NOT_DEPLOYED && s->state != STATE_DEPLOYING &&
	       s->state != STATE_UNDEPLOYING && slot_effective_goal(s) != GOAL_NOT_DEPLOYED;
}

static void rule_not_deployed(struct slot *s)
{
	struct lifecycle *l = s->set->lifecycle;
	if (slot_effective_goal(s) == GOAL_NOT_DEPLOYED) {
		l->observer->on_gone(l, s);
		return;
	}
	if (!s->serving.placed || (s->parent != NULL && !is_deployed(s->parent)))
		return;
	set_target(s, TARGET_DEPLOYED); /* so that its zhost remembers how often it failed */
	if (s->serving.exhausted || retry_waits(s))
		return;
	slot_move(s, STATE_DEPLOYING, false,
		  s->serving.placed_again ? "re-placed" : goal_cause(s));
}

static void move_unless_there(struct slot *s, enum instance_state to, const char *cause)
{
	if (s->state != to)
		slot_move(s, to, false, cause);
}

/* Steps 1 to 3 of "Start". */
static void rule_start(struct slot *s)
{
	CLEANUP(freep) char *cause = NULL;
	const struct start_side serving = start_side_serving(s);
	enum start_obstacle obstacle = start_condition(s, &serving);
	set_target(s, obstacle == START_MAY ? TARGET_STARTED : TARGET_DEPLOYED);
	switch (obstacle) {
	case START_ANCESTOR:
		cause = str_printf("ancestor %s is not started", s->parent->path);
		move_unless_there(s, STATE_WAITING_FOR_ANCESTOR, cause);
		return;
	case START_IMPORT:
		cause = str_printf("no started provider of %s", slot_missing_import(s)->from);
		move_unless_there(s, STATE_UNRESOLVED, cause);
		return;
	case START_SECRET:
		cause = str_printf("the secret %s is not set", s->serving.missing_secret);
		move_unless_there(s, STATE_UNRESOLVED, cause);
		return;
	case START_OTHER_COPY:
		move_unless_there(s, STATE_DEPLOYED_STOPPED,
				  "another copy may still be running");
		return;
	case START_MAY:
		break;
	}
	if (s->serving.exhausted || retry_waits(s)) {
		move_unless_there(s, STATE_DEPLOYED_STOPPED,
				  s->serving.exhausted ? "retries exhausted"
						       : "waiting to retry");
		return;
	}
	s->finished = false;
	slot_move(s, STATE_STARTING, false,
		  s->state == STATE_DEPLOYED_STOPPED ? "ready"
						     : "what it waited for has started");
}

/* deployed-stopped, unresolved, waiting-for-ancestor */
static void rule_deployed(struct slot *s)
{
	enum instance_goal goal = slot_effective_goal(s);
	if (goal == GOAL_DEPLOYED_STARTED) {
		rule_start(s);
		return;
	}
	set_target(s, TARGET_DEPLOYED);
	if (s->state != STATE_DEPLOYED_STOPPED) {
		slot_move(s, STATE_DEPLOYED_STOPPED, false, goal_cause(s));
		return; /* queued again */
	}
	if (goal == GOAL_NOT_DEPLOYED && !s->serving.undeploy_failed &&
	    s->deployed_children == 0) {
		set_target(s, TARGET_NONE);
		slot_move(s, STATE_UNDEPLOYING, false, goal_cause(s));
	}
}

/* It was about to stop, and does not now: what is inside of it need not stop because of it. */
static void stay_up(struct slot *s)
{
	if (!s->closing)
		return;
	s->closing = false;
	push_children(s);
}

static void rule_started(struct slot *s)
{
	const struct import_decl *missing = slot_lost_import(s);
	bool ancestor_gone = s->parent != NULL && !slot_is_up(s->parent);
	bool unwanted = slot_effective_goal(s) != GOAL_DEPLOYED_STARTED;
	if (!unwanted && !ancestor_gone && missing == NULL) {
		stay_up(s);
		return;
	}
	if (unwanted && !ancestor_gone && missing == NULL && ordered_stop_holds(s)) {
		stay_up(s); /* what stops before it in the group does so in its order */
		return;
	}
	if (!s->closing) {
		s->closing = true;
		push_children(s);
	}
	if (s->active_below > 0)
		return; /* bottom-up */
	CLEANUP(freep) char *cause = NULL;
	if (unwanted)
		cause = mem_strdup(goal_cause(s));
	else if (ancestor_gone)
		cause = str_printf("ancestor %s stops", s->parent->path);
	else
		cause = str_printf("lost the last provider of %s", missing->from);
	set_target(s, TARGET_DEPLOYED);
	slot_move(s, STATE_STOPPING, false, cause);
}

void slot_stopped(struct slot *s, const char *cause)
{
	enum instance_state to = STATE_DEPLOYED_STOPPED;
	if (slot_effective_goal(s) == GOAL_DEPLOYED_STARTED) {
		if (s->parent != NULL && !slot_is_up(s->parent))
			to = STATE_WAITING_FOR_ANCESTOR;
		else if (slot_missing_import(s) != NULL || s->serving.missing_secret != NULL)
			to = STATE_UNRESOLVED;
	}
	slot_move(s, to, false, cause);
}

static void apply_rules(struct slot *s)
{
	switch (s->state) {
	case STATE_NOT_DEPLOYED:
		rule_not_deployed(s);
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		rule_deployed(s);
		break;
	case STATE_DEPLOYED_STARTED:
		rule_started(s);
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
	for (struct slot *s; (s = lifecycle_pop(l)) != NULL;)
		apply_rules(s);
}
