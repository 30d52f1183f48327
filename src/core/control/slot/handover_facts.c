#include "core/control/slot/handover_facts.h"

#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/state/apart.h"
#include "core/control/state/device_hold.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/state.h"
#include "core/lifecycle/start_condition.h"

static struct copy *copy_of(const struct slot_copy *copy)
{
	return copy != NULL ? container_of(copy, struct copy, of_slot) : NULL;
}

bool phase_is_active(Samoza__V1__Phase phase)
{
	return phase == SAMOZA__V1__PHASE__PHASE_STARTING ||
	       phase == SAMOZA__V1__PHASE__PHASE_STARTED ||
	       phase == SAMOZA__V1__PHASE__PHASE_STOPPING;
}

static bool is_installed(const struct copy *copy)
{
	return copy->heard && (copy->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED ||
			       phase_is_active((Samoza__V1__Phase)copy->phase));
}

static bool is_started(const struct copy *copy)
{
	return copy->heard && copy->phase == SAMOZA__V1__PHASE__PHASE_STARTED;
}

/* ---- copies beside the one that serves ---- */

/* The copy of the same placement that its slot's parent has; NULL: the slot is a root. */
static const struct copy *copy_above(const struct copy *copy)
{
	const struct slot *parent = copy->sc->slot->parent;
	if (parent == NULL)
		return NULL;
	const struct application_slot *of = control_of_slot(parent)->of_path;
	return copy_of(copy_is_next(copy)   ? of->next
		       : copy_is_kept(copy) ? of->kept
					    : of->standby);
}

static enum start_obstacle obstacle_of(const struct copy *copy)
{
	const struct control *c = copy->unit->application->control;
	const struct copy *above = copy_above(copy);
	const struct start_side side = {
		.missing = copy_is_apart(copy)
				   ? apart_missing_import(copy)
				   : slot_missing_import_of(copy->sc->slot, copy->declared),
		.parent_up =
			above == NULL || (above->target == TARGET_STARTED && is_started(above)),
		.lacks_secret =
			secret_missing(copy->unit->application, copy->declared->space) != NULL,
		.may_run_at_ms =
			copy->target != TARGET_STARTED && device_hold_waits(copy)
				? NEVER_MS
				: slot_copy_alone_at_ms(&copy->of_slot, c->now.mono_ms),
	};
	return start_condition(copy->sc->slot, &side);
}

/* One that is kept runs as its unit does: the new version may not have its slot any longer. */
static enum instance_goal goal_of(const struct copy *copy)
{
	const struct slot *s = copy->sc->slot;
	return copy_is_kept(copy) ? s->root->goal : s->goal;
}

enum instance_target handover_target_of(const struct copy *copy)
{
	const struct copy *above = copy_above(copy);
	const struct unit_handover *h = control_of_slot(copy->sc->slot->root)->handover;
	enum instance_goal goal = goal_of(copy);
	if (goal == GOAL_NOT_DEPLOYED || (h == NULL && !copy_is_kept(copy)))
		return TARGET_NONE;
	if (above != NULL && !is_installed(above))
		return (enum instance_target)copy->target; /* parents are deployed first */
	bool may_start = copy_is_kept(copy) ||
			 (copy_is_next(copy) && h->handover.kind == HANDOVER_START_FIRST);
	bool starts =
		may_start && goal == GOAL_DEPLOYED_STARTED && obstacle_of(copy) == START_MAY;
	return starts ? TARGET_STARTED : TARGET_DEPLOYED;
}

static bool is_busy(const struct slot *s)
{
	return state_is_active(s->state) || state_is_transitive(s->state);
}

/* It runs, or it is held up by what holds up the one that serves, too. One that is not to run is as due when
 * that one has stopped, in the order of its stop. */
static bool runs_as_due(const struct copy *copy)
{
	const struct slot *s = copy->sc->slot;
	if (s->goal == GOAL_NOT_DEPLOYED)
		return !is_busy(s);
	if (s->goal == GOAL_DEPLOYED_STOPPED)
		return !is_busy(s) && copy->heard &&
		       copy->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	if (is_started(copy))
		return copy->healthy && copy->target == TARGET_STARTED;
	return is_installed(copy) && s->state != STATE_DEPLOYED_STARTED &&
	       obstacle_of(copy) != START_MAY;
}

/* What it waited for has come, or has gone, or nothing is heard of it yet: that is no failure. */
static bool is_changing(const struct copy *copy)
{
	if (!copy->heard)
		return true;
	if (copy_has_broken_down(copy))
		return false;
	return !is_started(copy) || copy->target != TARGET_STARTED;
}

/* It was to start beside what serves, and a zhost program has come that cannot run both: it is placed again. */
static bool is_outdated(const struct slot_control *root, const struct unit_placement *successor)
{
	const struct handover *h = &root->handover->handover;
	return h->kind == HANDOVER_START_FIRST && h->state != HANDOVER_PLACING && !root->lost &&
	       root->of_path->serving != NULL && !handover_may_go_on(root, successor->zhost);
}

static void add_successor(struct handover_facts *f, const struct slot_control *root)
{
	const struct unit_placement *unit = unit_of(root->of_path->next);
	if (unit == NULL)
		return;
	f->placed = !unit->lost && !is_outdated(root, unit);
	f->placed_lost = unit->lost;
	f->deployed = f->healthy = f->starting = f->placed;
	vector_for_each (&unit->placement.copies, item) {
		const struct copy *copy = copy_of(*item);
		bool wanted = copy->sc->slot->goal != GOAL_NOT_DEPLOYED;
		f->deployed = f->deployed && (!wanted || is_installed(copy));
		f->healthy = f->healthy && runs_as_due(copy);
		f->starting = f->starting && (runs_as_due(copy) || is_changing(copy));
		f->failed = f->failed || (wanted && copy->exhausted);
	}
}

/* ---- copies that serve ---- */

static bool serves_as_due(const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	const struct copy *copy = serving_copy(sc);
	if (s->goal != GOAL_DEPLOYED_STARTED)
		return s->goal == GOAL_NOT_DEPLOYED || s->state == STATE_DEPLOYED_STOPPED;
	if (s->state == STATE_DEPLOYED_STARTED)
		return copy->heard && copy->healthy;
	return s->state == STATE_UNRESOLVED || s->state == STATE_WAITING_FOR_ANCESTOR;
}

/* What it waited for has come, or has gone: that is no failure. */
static bool is_starting(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	enum instance_state state = sc->slot->state;
	return copy != NULL && !copy_has_broken_down(copy) &&
	       (state == STATE_STARTING || state == STATE_STOPPING ||
		state == STATE_DEPLOYED_STOPPED);
}

/* It has no process, and starts none by itself: its zhost knows what is asked. */
static bool has_ended(const struct copy *copy)
{
	return copy->unit->lost || copy->absent ||
	       (copy->heard && !phase_is_active((Samoza__V1__Phase)copy->phase) &&
		copy->observed >= copy->generation);
}

static void add_serving(struct handover_facts *f, const struct slot_control *root)
{
	bool between = handover_is_between(&root->handover->handover);
	f->serving_lost = root->lost || root->of_path->serving == NULL;
	f->ended = true;
	if (between)
		f->healthy = f->starting = !f->serving_lost;
	slot_for_each_below (root->slot, s) {
		const struct slot_control *sc = control_of_slot(s);
		const struct copy *copy = serving_copy(sc);
		f->active = f->active || is_busy(s);
		f->serving_exhausted =
			f->serving_exhausted ||
			(copy != NULL && copy->exhausted && s->goal != GOAL_NOT_DEPLOYED);
		f->ended = f->ended && !is_busy(s) && (copy == NULL || has_ended(copy));
		if (!between || (copy == NULL && s->unplaced))
			continue;
		f->starting = f->starting && (serves_as_due(sc) || is_starting(sc));
		f->healthy = f->healthy && serves_as_due(sc);
		f->failed = f->failed ||
			    (copy != NULL && copy->exhausted && s->goal != GOAL_NOT_DEPLOYED);
	}
}

static bool has_gone(const struct control_application *a, uint64_t placement)
{
	vector_for_each (&a->retired, unit)
		if ((*unit)->epoch == placement && !(*unit)->lost)
			return false;
	return true;
}

/* What the rollout that it belongs to wants. */
static void add_owner(struct handover_facts *f, const struct unit_handover *h)
{
	bool between = handover_is_between(&h->handover);
	f->joint = handover_is_joint(h->root);
	/* Where nothing runs, nothing stops with it. */
	f->held = f->joint || (h->held && f->active);
	f->shares = rollout_shares(h->root);
	if (h->unwanted && handover_is_before_switch(&h->handover))
		f->cancelled = true;
	else if (h->unwanted && between)
		f->failed = true;
	else if (h->returns && between && f->failed) {
		/* From here on it is retried and placed again like any that serves. */
		f->failed = false;
		f->healthy = true;
	}
}

struct handover_facts handover_facts_of(const struct slot_control *root)
{
	const struct unit_placement *standby = unit_of(root->of_path->standby);
	struct handover_facts f = {
		.cancelled = root->slot->goal == GOAL_NOT_DEPLOYED,
		.standby = standby != NULL && !standby->lost,
		/* Only then is it asked for; each subscriber is looked at. */
		.routes_known = root->handover->handover.state == HANDOVER_DRAINING &&
				mesh_tables_known(application_of(root->slot),
						  root->handover->route_version),
		.gone = has_gone(application_of(root->slot), root->handover->handover.leaving),
	};
	add_successor(&f, root);
	add_serving(&f, root);
	add_owner(&f, root->handover);
	return f;
}
