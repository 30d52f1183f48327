#include "core/control/handover/kept_set.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/slot/members.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/wants.h"
#include "core/control/state/apart.h"
#include "core/control/state/drain.h"
#include "core/control/state/handover_kind.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"

static void set_clock(struct control *c, struct kept_set *k, int64_t until_ms)
{
	k->until_ms = until_ms;
	if (until_ms > c->now.mono_ms)
		heap_set(&c->kept_set_timers, &k->timer, until_ms);
	else
		heap_remove(&c->kept_set_timers, &k->timer);
}

void kept_set_begin(struct control *c, struct control_application *a, struct revision *revision,
		    int64_t keep_ms)
{
	a->kept.application = a;
	a->kept.revision = revision;
	a->kept.until_wall_ms = c->now.wall_ms + keep_ms;
	set_clock(c, &a->kept, c->now.mono_ms + keep_ms);
	mark_application(a, APPLICATION_HANDOVER | APPLICATION_RECORD);
}

static void drop(struct control *c, struct slot_control *root)
{
	unit_drop_beside(c, unit_of(root->of_path->kept));
}

void kept_set_end(struct control *c, struct control_application *a, const char *cause)
{
	if (a->kept.revision == NULL)
		return;
	emit_event(&c->emitter, "rollout", a->name, revision_version(a->kept.revision), NULL,
		   a->id, cause);
	heap_remove(&c->kept_set_timers, &a->kept.timer);
	a->kept.revision = NULL;
	for_each_root (a, root)
		if (root->of_path->kept != NULL)
			drop(c, root);
	members_update(c, a);
	mark_application(a, APPLICATION_RECORD | APPLICATION_HANDOVER);
}

void kept_set_end_trimmed(struct control *c, struct control_application *a, const char *cause)
{
	kept_set_end(c, a, cause);
	/* Its revision, which may have had pages, is not held any longer, also where nothing was kept. */
	application_trim_revisions(a, c->place, records_delete_revision, c);
}

void kept_set_rollout_ended(struct control *c, struct control_application *a)
{
	if (a->kept.revision != NULL && a->kept.until_ms <= c->now.mono_ms)
		kept_set_end_trimmed(c, a, "the former set has been kept for its time");
}

void kept_set_load(struct control *c, struct control_application *a,
		   const Samoza__V1__KeptSetRecord *record)
{
	struct revision *revision =
		record != NULL ? application_revision(&a->application, record->revision) : NULL;
	if (revision == NULL)
		return;
	application_declare(a, revision); /* what was removed has slots, also without copies */
	int64_t left = record->until_ms - c->now.wall_ms;
	/* By now its end may be past: that is for the first tick. */
	kept_set_begin(c, a, revision, left > 0 ? left : 1);
	a->kept.until_wall_ms = record->until_ms;
}

/* ---- in a flush ---- */

static bool is_to_go(const struct slot_control *root, const struct unit_placement *unit)
{
	return unit->lost || root->slot->goal == GOAL_NOT_DEPLOYED ||
	       !handover_may_keep(unit->zhost, slot_zhost(root)) ||
	       (unit->zhost->drain != NULL && drain_is_active(unit->zhost->drain));
}

void kept_set_run(struct control *c, struct control_application *a)
{
	if (a->kept.revision == NULL)
		return;
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->kept);
		if (unit != NULL && is_to_go(root, unit))
			drop(c, root);
	}
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->kept);
		if (unit == NULL)
			continue;
		vector_for_each (&unit->placement.copies, item) {
			struct copy *copy = container_of(*item, struct copy, of_slot);
			copy_want(copy, handover_target_of(copy));
		}
	}
	if (a->rollout == NULL && members_differ(a))
		members_update(c, a);
}

/* ---- the way back ---- */

bool kept_set_fits(const struct control_application *a, const struct revision *revision)
{
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->kept);
		if (unit != NULL && !unit->lost &&
		    rollout_has_same_content(root, unit->revision, revision))
			return true;
	}
	return false;
}

bool kept_set_adopt(struct slot_control *root)
{
	struct unit_placement *unit = unit_of(root->of_path->kept);
	const struct unit_handover *h = root->handover;
	if (unit == NULL || unit->lost || h->handover.kind != HANDOVER_START_FIRST ||
	    !handover_may_keep(unit->zhost, slot_zhost(root)) ||
	    !rollout_has_same_content(root, unit->revision, h->revision))
		return false;
	placement_set_role(&unit->placement, ROLE_SUCCESSOR);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = container_of(*item, struct copy, of_slot);
		import_lists_release(copy);
		apart_changed(copy);
		mark_copy(copy, COPY_RECORD | COPY_ORDER);
	}
	return true;
}

uint32_t kept_set_count(const struct control_application *a)
{
	uint32_t count = 0;
	vector_for_each (&a->slot_controls, sc)
		count += (*sc)->of_path->kept != NULL;
	return count;
}

/* ---- time ---- */

void kept_sets_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->kept_set_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct kept_set *k = container_of(n, struct kept_set, timer);
		heap_remove(&c->kept_set_timers, n);
		if (k->application->rollout == NULL)
			kept_set_rollout_ended(c, k->application);
	}
}

int64_t kept_sets_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->kept_set_timers);
	return n != NULL ? n->key : NEVER_MS;
}
