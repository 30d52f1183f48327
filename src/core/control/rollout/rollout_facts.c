#include "core/control/rollout/rollout_facts.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/rollout/rollout_relabel.h"
#include "core/control/rollout/rollout_switch.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/members.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/wants.h"
#include "core/control/state/state.h"

/* ---- what is ill ---- */

/* A copy that serves in the target, and has been proven, is not what it was. */
static const char *illness(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	const struct slot *s = sc->slot;
	if (copy == NULL || s->goal != GOAL_DEPLOYED_STARTED || copy->unit->lost)
		return NULL;
	/* One that was added, or that changed at once, is tried as often as any that starts. */
	bool was_there = revision_declares(application_of(s)->application.served, s);
	bool ended =
		was_there && s->state == STATE_DEPLOYED_STOPPED && copy_has_broken_down(copy);
	if (copy->exhausted || ended)
		return sc->last_error != NULL ? sc->last_error : "failed";
	if (was_there && s->state == STATE_DEPLOYED_STARTED && copy->heard && !copy->healthy)
		return "is not healthy any longer";
	return NULL;
}

/* It is served in the target: as its unit is, or as one that has joined it. */
static bool is_of_target(const struct control_application *a, const struct slot *s)
{
	const struct copy *copy = serving_copy(control_of_slot(s));
	return copy != NULL && copy->revision == a->rollout->target;
}

static void notice_illness(struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		if (r->failed || unit == NULL ||
		    (root->handover != NULL &&
		     root->handover->handover.state != HANDOVER_RETIRING))
			continue;
		slot_for_each_below (root->slot, s) {
			const char *what =
				is_of_target(a, s) ? illness(control_of_slot(s)) : NULL;
			if (what == NULL || r->failed)
				continue;
			r->failed = true;
			free(r->cause);
			r->cause = str_printf("%s: %s", s->path, what);
		}
	}
}

/* ---- what is done ---- */

/* Every slot is served in that revision. Copies that have handed over may still be there: their end is not waited
 * for [change.submit.completes]. */
static bool is_settled(const struct control_application *a, const struct revision *revision)
{
	vector_for_each (&a->handovers, root)
		if ((*root)->handover->handover.state != HANDOVER_RETIRING &&
		    !rollout_move_is_in_vain(*root, revision))
			return false;
	for_each_root (a, root)
		if (root->slot->moving || !rollout_is_current(root, revision))
			return false;
	return true;
}

/* [change.optional.optional] It may not run, and that says nothing of the rollout. */
static bool is_left_out(const struct slot *s)
{
	return s->goal != GOAL_DEPLOYED_STARTED ||
	       (slot_is_optional(s) && s->state != STATE_DEPLOYED_STARTED);
}

/* Everything of the target is heard to be well. */
static bool is_well(const struct control_application *a)
{
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		if (root->handover != NULL &&
		    root->handover->handover.state == HANDOVER_SHARING &&
		    !handover_is_healthy(root))
			return false;
		if (unit == NULL)
			continue;
		slot_for_each_below (root->slot, s) {
			const struct copy *copy = serving_copy(control_of_slot(s));
			if (!is_left_out(s) &&
			    (unit->revision == a->rollout->target || is_of_target(a, s)) &&
			    revision_declares(a->rollout->target, s) &&
			    (copy == NULL || !copy->heard || !copy->healthy))
				return false;
		}
	}
	return true;
}

static void add_step(struct control *c, const struct control_application *a,
		     struct rollout_facts *f)
{
	const struct application_rollout *r = a->rollout;
	f->step_done = rollout_step_is_done(a);
	f->due = r->promote_at_ms <= c->now.mono_ms && is_well(a);
}

static bool has_switched(const struct control_application *a)
{
	return !rollout_is_before_switch(a) || rollout_switches_nothing(a);
}

struct rollout_facts rollout_facts_of(struct control *c, struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	if (r->rollout.state == ROLLOUT_ADVANCING || r->rollout.state == ROLLOUT_WAITING)
		notice_illness(a);
	struct rollout_facts f = {.failed = r->failed};
	r->failed = false;
	if (r->rollout.state == ROLLOUT_RETURNING)
		f.returned = is_settled(a, r->base) && rollout_relabel(c, a);
	else if (r->rollout.state == ROLLOUT_ADVANCING && !f.failed)
		f.complete = rollout_steps_have_ended(a) && has_switched(a) &&
			     is_settled(a, r->target) && members_missing(a) == NULL &&
			     rollout_relabel(c, a);
	if (rollout_is_in_steps(&r->rollout))
		add_step(c, a, &f);
	return f;
}
