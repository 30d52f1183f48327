#include "core/control/slot/copies.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/handover_facts.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/slot_names.h"
#include "core/control/state/apart.h"
#include "core/control/state/loss.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "core/control/state/topology_state.h"
#include "core/control/state/unit_devices.h"
#include "core/control/state/unit_reload.h"
#include "core/control/state/unload_order.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"

static struct copy *copy_of_slot_copy(struct slot_copy *copy)
{
	return container_of(copy, struct copy, of_slot);
}

/* ---- who waits for whom ---- */

/* The copy that serves may have waited for another one, or has to wait now: one of them is exclusive. */
static void publish_serving(const struct application_slot *slot)
{
	if (slot->serving == NULL)
		return;
	struct slot_control *sc = copy_of_slot_copy(slot->serving)->sc;
	slot_publish_facts(sc);
	lifecycle_push(sc->slot);
}

void copy_set_active(struct copy *copy, bool active)
{
	if (copy->of_slot.active == active)
		return;
	copy->of_slot.active = active;
	if (copy_serves(copy))
		return;
	publish_serving(copy->of_slot.slot);
	mark_application(copy->unit->application, APPLICATION_UNLOAD);
}

void copy_set_ends_by(struct control *c, struct copy *copy, int64_t until_ms)
{
	copy->of_slot.ends_by_ms = until_ms;
	if (until_ms > c->now.mono_ms && until_ms != NEVER_MS)
		heap_set(&c->ends_by_timers, &copy->ends_by_timer, until_ms);
	else
		heap_remove(&c->ends_by_timers, &copy->ends_by_timer);
	publish_serving(copy->of_slot.slot);
}

void copies_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->ends_by_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct copy *copy = container_of(n, struct copy, ends_by_timer);
		heap_remove(&c->ends_by_timers, n);
		publish_serving(copy->of_slot.slot);
		if (copy->forsaken)
			copy_gone(c, copy);
	}
}

int64_t copies_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->ends_by_timers);
	return n != NULL ? n->key : NEVER_MS;
}

const struct copy *copies_first_lost(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->ends_by_timers);
	return n != NULL ? container_of(n, struct copy, ends_by_timer) : NULL;
}

/* ---- coming ---- */

struct unit_placement *unit_placement_new(struct control_application *a,
					  struct revision *revision, struct control_zhost *z,
					  uint64_t epoch, uint32_t place_unit,
					  enum placement_role role)
{
	struct unit_placement *unit = mem_new(struct unit_placement);
	placement_begin(&unit->placement, role);
	unit->application = a;
	unit->revision = unit->room = revision;
	unit->zhost = z;
	unit->epoch = epoch;
	unit->place_unit = place_unit;
	revision->placements += 2;
	if (role == ROLE_RETIRED)
		vector_push(&a->retired, unit);
	return unit;
}

static void hold_instead(struct revision **of, struct revision *revision)
{
	(*of)->placements--;
	revision->placements++;
	*of = revision;
}

void copy_set_revision(struct copy *copy, struct revision *revision)
{
	hold_instead(&copy->revision, revision);
}

void unit_set_room(struct unit_placement *unit, struct revision *revision)
{
	hold_instead(&unit->room, revision);
}

void unit_set_revision(struct unit_placement *unit, struct revision *revision)
{
	hold_instead(&unit->revision, revision);
}

struct copy *unit_copy_new(struct unit_placement *unit, struct revision *revision,
			   struct application_slot *slot, struct slot_control *sc,
			   uint64_t epoch, bool exclusive)
{
	struct control_zhost *z = unit->zhost;
	struct copy *copy = mem_new(struct copy);
	copy->unit = unit;
	copy->revision = revision;
	revision->placements++;
	copy->sc = sc;
	if (sc != NULL)
		copy->declared = declarations_of(revision->declared, sc->slot);
	copy->absent = true;
	slot_copy_join(&unit->placement, &copy->of_slot, slot, epoch);
	const char *path = sc != NULL ? revision_path(revision, sc->slot) : NULL;
	if (path != NULL)
		copy_set_path(copy, path);
	copy->of_slot.exclusive = exclusive;
	copy->next_on_zhost = z->first_copy;
	if (z->first_copy != NULL)
		z->first_copy->previous_on_zhost = copy;
	z->first_copy = copy;
	z->copy_count++;
	mesh_tables_count(unit->application, z, 1);
	return copy;
}

struct copy *copy_find(const struct control *c, const struct control_zhost *z,
		       const Samoza__V1__InstanceKey *key)
{
	const struct control_application *a =
		application_by_id(&c->applications, key->topology);
	const struct application_slot *slot =
		a != NULL ? application_find_slot(&a->application, key->path) : NULL;
	if (slot == NULL)
		return NULL;
	slot_copy_for_each (slot, item) {
		struct copy *copy = copy_of_slot_copy(item);
		if (item->epoch == key->epoch && str_equal(copy_path(copy), key->path) &&
		    (z == NULL || copy_zhost(copy) == z) &&
		    str_equal(copy_key_topology(copy), key->topology))
			return copy;
	}
	return NULL;
}

void copy_take_exports(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	copy_set_exports(copy, exports, r->n_exports);
}

/* Errors that are counted as failures; `failures` are those that were known before. */
static void take_end(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	if (r->failures == 0)
		copy->ended_last = copy->ended_only = false;
	if (r->error == NULL || r->failures == 0 || !r->has_failed_action ||
	    r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_UPDATE ||
	    r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_STOP ||
	    r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY)
		return;
	copy->ended_last = r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_ENDED;
	copy->ended_only =
		copy->ended_last &&
		(r->failures == 1 || (copy->ended_only && r->failures <= copy->failures + 1));
}

void copy_take_failures(struct copy *copy, const Samoza__V1__InstanceReport *r)
{
	take_end(copy, r);
	copy->failures = r->failures;
	copy->restarts = r->restarts;
}

/* ---- going ---- */

static void copy_free(struct control *c, struct copy *copy)
{
	struct control_application *a = copy->unit->application;
	struct control_zhost *z = copy_zhost(copy);
	struct application_slot *slot = copy->of_slot.slot;
	records_delete_copy(c, copy);
	credentials_review(&c->credentials, copy->of_slot.epoch);
	dirty_set_forget_copy(&c->dirty, copy);
	heap_remove(&c->ends_by_timers, &copy->ends_by_timer);
	import_lists_release(copy);
	*(copy->previous_on_zhost != NULL ? &copy->previous_on_zhost->next_on_zhost
					  : &z->first_copy) = copy->next_on_zhost;
	if (copy->next_on_zhost != NULL)
		copy->next_on_zhost->previous_on_zhost = copy->previous_on_zhost;
	z->copy_count--;
	mesh_tables_count(a, z, -1);
	if (copy_serves(copy))
		copy->sc->last_zhost = z;
	slot_copy_leave(&copy->of_slot);
	copy_set_exports(copy, NULL, 0);
	copy->revision->placements--;
	free(copy->path);
	free(copy);
	publish_serving(slot);
}

/* Not in a->retired any longer, and without copies. */
static void unit_free(struct unit_placement *unit)
{
	unit->revision->placements--;
	unit->room->placements--;
	placement_end(&unit->placement);
	free(unit->key_topology);
	unit_devices_done(unit);
	free(unit);
}

static void retired_unit_ended(struct control *c, struct unit_placement *unit)
{
	struct control_application *a = unit->application;
	size_t at = 0;
	while (a->retired.items[at] != unit)
		at++;
	vector_remove_at(&a->retired, at);
	place_unit_free(c->place, unit->place_unit);
	unit_free(unit);
	application_trim_revisions(a, c->place, records_delete_revision, c);
	mark_application(a, APPLICATION_HANDOVER);
}

void copy_gone(struct control *c, struct copy *copy)
{
	struct unit_placement *unit = copy->unit;
	PRE(copy_is_retired(copy));
	mark_application(unit->application, APPLICATION_UNLOAD);
	copy_free(c, copy);
	if (unit->placement.copies.count == 0)
		retired_unit_ended(c, unit);
}

void copy_forsaken(struct control *c, struct copy *copy)
{
	PRE(copy_is_retired(copy));
	copy->forsaken = true;
	if (copy->of_slot.exclusive && copy->of_slot.ends_by_ms > c->now.mono_ms)
		mark_copy(copy, COPY_RECORD);
	else
		copy_gone(c, copy);
}

/* What is known of its values is not true of what is left. */
static void reload_changed(struct slot_control *root)
{
	if (root->reload != NULL)
		unit_reload_mark(root);
}

void unit_copy_ended(struct control *c, struct copy *copy)
{
	struct slot_control *sc = copy->sc;
	PRE(copy_serves(copy) && sc->slot->parent != NULL && copy->absent);
	copy_free(c, copy);
	reload_changed(control_of_slot(sc->slot->root));
	sc->lost = sc->no_place = sc->placed_again = sc->placed_before = false;
	slot_publish_facts(sc);
	mark_slot(sc);
	topology_state_count(sc);
}

/* Something of it may be there: it cannot be reached, or it has not said that nothing is left. */
static bool may_be_left(const struct copy *copy)
{
	return copy->unit->lost || !copy->absent;
}

/* One copy of a unit that is retired: what is left of it is to go, at once or in its turn. */
static void copy_retire(struct copy *copy)
{
	struct slot_control *sc = copy->sc;
	if (sc->of_path->serving == NULL)
		sc->last_zhost = copy_zhost(copy);
	copy->sc = NULL;
	copy->declared = NULL;
	import_lists_release(copy);
	copy_set_exports(copy, NULL, 0);
	if (copy->unit->lost || !copy->of_slot.active)
		unload_order_release(copy);
	/* Without a process it may start one by itself, until it has heard that it is to go. */
	if (!copy->unit->lost && !copy->absent && copy->of_slot.exclusive)
		copy->of_slot.active = true;
	else if (!copy->unit->lost && !copy->absent)
		copy->of_slot.ends_by_ms = NEVER_MS;
	mark_copy(copy, COPY_RECORD);
}

/* What is left of it becomes a retired placement. One that is lost holds no room: the slot keeps its
 * unit in the engine; else that goes with it, and the slot gets a new one. */
static void unit_leave(struct control *c, struct slot_control *root,
		       struct unit_placement *unit)
{
	placement_set_role(&unit->placement, ROLE_RETIRED);
	vector_for_each (&unit->placement.copies, item)
		copy_retire(copy_of_slot_copy(*item));
	vector_push(&unit->application->retired, unit);
	mark_application(unit->application, APPLICATION_UNLOAD);
	if (unit->lost) {
		unit->place_unit = PLACE_NONE;
		return;
	}
	place_unit_leaves(c->place, unit->place_unit, true);
	application_give_unit(unit->application, c->place, unplaced_revision(root), root);
}

void unit_supersede(struct control *c, struct slot_control *root)
{
	struct copy *first = serving_copy(root);
	if (first == NULL)
		return;
	struct unit_placement *unit = first->unit;
	for (size_t k = unit->placement.copies.count; k-- > 0;) {
		struct copy *copy = copy_of_slot_copy(unit->placement.copies.items[k]);
		if (!may_be_left(copy))
			copy_free(c, copy);
	}
	if (unit->placement.copies.count > 0) {
		unit_leave(c, root, unit);
	} else {
		place_remove(c->place, unit->place_unit);
		unit_free(unit);
	}
	slot_for_each_below (root->slot, s) {
		slot_publish_facts(control_of_slot(s));
		mark_slot(control_of_slot(s));
	}
}

void unit_review_leaving(struct control *c, const struct slot_control *root)
{
	const struct slot *s = root->slot;
	if (root->place_unit != PLACE_NONE)
		place_unit_leaves(c->place, root->place_unit,
				  s->moving || s->goal == GOAL_NOT_DEPLOYED);
}

void unit_place_restored(struct control *c, const struct unit_placement *unit)
{
	const struct copy *first = copy_of_slot_copy(unit->placement.copies.items[0]);
	if (unit->placement.role == ROLE_RETIRED)
		place_unit_leaves(c->place, unit->place_unit, true);
	else if (unit->placement.role == ROLE_SERVING)
		unit_review_leaving(c, control_of_slot(first->sc->slot->root));
}

void unit_rebase(struct control *c, struct slot_control *root)
{
	const struct control_application *a = application_of(root->slot);
	struct revision *revision = unplaced_revision(root);
	PRE(root->of_path->serving == NULL);
	if (root->place_revision != revision) {
		uint32_t before = root->place_unit;
		application_give_unit(a, c->place, revision, root);
		place_unit_free(c->place, before);
	}
	/* One that does not declare it gives it no name: then it is placed in what is served, if at all. */
	if (root->place_revision != NULL)
		slot_names_follow(c, root, root->place_revision, "nothing of it is placed");
}

/* The former set does not need what is not there any longer (kept_set_run()). */
static void review_kept_set(struct control_application *a)
{
	if (a->kept.revision != NULL)
		mark_application(a, APPLICATION_HANDOVER);
}

void unit_retire(struct control *c, struct slot_control *root)
{
	struct control_application *a = application_of(root->slot);
	if (serving_copy(root) == NULL)
		return;
	review_kept_set(a);
	place_wait_end(c->place, a->ticket); /* the unit may be one that is waited for */
	mark_application(a, APPLICATION_PLACE);
	unit_supersede(c, root);
	unit_rebase(c, root);
	reload_changed(root);
	if (root->slot->each && root->slot->leaves) /* another one may appear */
		mark_application(a, APPLICATION_EACH);
}

/* ---- beside the one that serves ---- */

/* Out of its role, with its unit in the engine: retired, or, if nothing is left of it, freed. */
static void unit_part(struct control *c, struct unit_placement *unit)
{
	vector_for_each (&unit->placement.copies, item)
		apart_changed(copy_of_slot_copy(*item));
	for (size_t k = unit->placement.copies.count; k-- > 0;) {
		struct copy *copy = copy_of_slot_copy(unit->placement.copies.items[k]);
		if (!may_be_left(copy))
			copy_free(c, copy);
	}
	if (unit->lost || unit->placement.copies.count == 0) {
		place_unit_free(c->place, unit->place_unit);
		unit->place_unit = PLACE_NONE;
	}
	if (unit->placement.copies.count == 0) {
		unit_free(unit);
		return;
	}
	bool served = unit->placement.role == ROLE_SERVING;
	placement_set_role(&unit->placement, ROLE_RETIRED);
	if (unit->place_unit != PLACE_NONE)
		place_unit_leaves(c->place, unit->place_unit, true);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = copy_of_slot_copy(*item);
		mesh_tables_mark(copy->sc);
		/* Without a process nobody needs it, also if it was asked to start: it must not start
		 * one while it waits for its turn or drains, nor does it hold up others. */
		if (copy->heard && !phase_is_active((Samoza__V1__Phase)copy->phase))
			copy->of_slot.active = false;
		if (served && !unit->lost && copy->target == TARGET_STARTED &&
		    copy->sc->slot->state != STATE_DEPLOYED_STARTED)
			copy_order(copy, TARGET_DEPLOYED);
		copy_retire(copy);
	}
	vector_push(&unit->application->retired, unit);
	mark_application(unit->application, APPLICATION_UNLOAD);
}

void unit_drop_beside(struct control *c, struct unit_placement *unit)
{
	PRE(unit->placement.role != ROLE_SERVING && unit->placement.role != ROLE_RETIRED);
	review_kept_set(unit->application);
	unit_part(c, unit);
}

/* It waits, installed, and writes no longer. */
static void unit_stand_by(struct unit_placement *unit)
{
	placement_set_role(&unit->placement, ROLE_STANDBY);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = copy_of_slot_copy(*item);
		import_lists_release(copy);
		copy_set_exports(copy, NULL, 0);
		copy->exhausted = false;
		copy->retry_at_ms = 0;
		copy_order(copy, TARGET_DEPLOYED);
	}
}

/* It runs on, apart, and writes no longer. */
static void unit_keep(struct unit_placement *unit)
{
	placement_set_role(&unit->placement, ROLE_KEPT);
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = copy_of_slot_copy(*item);
		import_lists_release(copy);
		mesh_tables_mark(copy->sc);
		apart_changed(copy);
		mark_copy(copy, COPY_RECORD | COPY_ORDER);
	}
}

static void unit_take_leave(struct control *c, struct unit_placement *unit,
			    enum placement_role to)
{
	if (to == ROLE_STANDBY)
		unit_stand_by(unit);
	else if (to == ROLE_KEPT && !unit->lost)
		unit_keep(unit);
	else
		unit_part(c, unit);
}

/* The state that a slot has with this copy, as its zhost reported it; NULL: its revision has none. */
static enum instance_state state_with(const struct slot *s, const struct copy *copy)
{
	if (copy == NULL || !copy->heard || copy->unit->lost)
		return STATE_NOT_DEPLOYED;
	switch ((Samoza__V1__Phase)copy->phase) {
	case SAMOZA__V1__PHASE__PHASE_DEPLOYING:
		return STATE_DEPLOYING;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYED:
		return s->state == STATE_UNRESOLVED || s->state == STATE_WAITING_FOR_ANCESTOR
			       ? s->state
			       : STATE_DEPLOYED_STOPPED;
	case SAMOZA__V1__PHASE__PHASE_STARTING:
		return STATE_STARTING;
	case SAMOZA__V1__PHASE__PHASE_STARTED:
		return STATE_DEPLOYED_STARTED;
	case SAMOZA__V1__PHASE__PHASE_STOPPING:
		return STATE_STOPPING;
	case SAMOZA__V1__PHASE__PHASE_UNDEPLOYING:
		return STATE_UNDEPLOYING;
	case SAMOZA__V1__PHASE__PHASE_ABSENT:
	case _SAMOZA__V1__PHASE_IS_INT_SIZE:
		break;
	}
	return STATE_NOT_DEPLOYED;
}

/* By way of not-deployed, where no move leads there directly. */
static void take_state(struct slot *s, enum instance_state to, const char *cause)
{
	if (s->state != to && !state_machine_may_move(&slot_machine, s->state, to) &&
	    !state_machine_may_adopt(&slot_machine, s->state, to))
		slot_move(s, STATE_NOT_DEPLOYED, false, cause);
	if (s->state != to)
		slot_move(s, to, !state_machine_may_move(&slot_machine, s->state, to), cause);
	else if (to == STATE_DEPLOYED_STARTED)
		slot_exports_changed(s);
	lifecycle_push(s);
}

/* From now on the slot is what this copy of it is. */
static void copy_takes_over(struct copy *copy)
{
	struct slot_control *sc = copy->sc;
	slot_copy_set_writer(&copy->of_slot);
	import_lists_release(copy); /* from now on what serves provides to it */
	sc->lost = sc->no_place = sc->placed_again = sc->still_failed = false;
	sc->placed_before = true;
	loss_forget(copy->unit->application->control, sc);
	slot_publish_facts(sc);
	copy_order(copy, (enum instance_target)copy->target); /* it writes */
	mark_slot(sc);
	mesh_tables_mark(sc);
	topology_state_count(sc);
}

void slot_left_out(struct slot_control *sc)
{
	sc->lost = sc->no_place = sc->placed_again = sc->still_failed = false;
	slot_publish_facts(sc);
	slot_set_unplaced(sc->slot, true);
	mark_slot(sc);
	mesh_tables_mark(sc);
	topology_state_count(sc);
}

void unit_switch(struct control *c, struct slot_control *root, struct unit_placement *to,
		 enum placement_role leaves, const char *cause)
{
	struct control_application *a = application_of(root->slot);
	struct unit_placement *from = unit_of(root->of_path->serving);
	PRE(to->placement.role != ROLE_SERVING && to->placement.role != ROLE_RETIRED);
	place_wait_end(c->place, a->ticket); /* the unit may be one that is waited for */
	mark_application(a, APPLICATION_PLACE);
	if (from == NULL)
		place_unit_free(c->place, root->place_unit);
	else
		unit_take_leave(c, from, leaves);
	placement_set_role(&to->placement, ROLE_SERVING);
	root->place_unit = to->place_unit;
	root->place_revision = to->room;
	slot_names_follow(c, root, to->revision, cause);
	vector_for_each (&to->placement.copies, item)
		copy_takes_over(copy_of_slot_copy(*item));
	slot_for_each_below (root->slot, s)
		if (serving_copy(control_of_slot(s)) == NULL)
			slot_left_out(control_of_slot(s));
	slot_for_each_below (root->slot, s) {
		struct copy *copy = serving_copy(control_of_slot(s));
		enum instance_state state = state_with(s, copy);
		/* Of one whose zhost has not been heard since zrms has begun records say what it exported. */
		if (copy != NULL && state != STATE_DEPLOYED_STARTED)
			copy_set_exports(copy, NULL, 0);
		take_state(s, state, cause);
	}
}

/* ---- at the end ---- */

void unit_retry(struct unit_placement *unit)
{
	vector_for_each (&unit->placement.copies, item) {
		struct copy *copy = copy_of_slot_copy(*item);
		if (!copy->undeploy_failed)
			continue;
		copy->undeploy_failed = false;
		copy->retry_generation++;
		copy_order(copy, copy->target);
	}
}

void units_forget(struct control *c, struct control_application *a)
{
	for (size_t k = 0; k < a->slots.slots.count; k++)
		if (a->slots.slots.items[k]->parent == NULL)
			unit_retire(c, a->slot_controls.items[k]);
	while (a->retired.count > 0) {
		struct unit_placement *unit = a->retired.items[0];
		while (unit->placement.copies.count > 1)
			copy_free(c, copy_of_slot_copy(*vector_last(&unit->placement.copies)));
		copy_gone(c, copy_of_slot_copy(unit->placement.copies.items[0]));
	}
}

size_t copies_unloading(const struct control_application *a)
{
	size_t count = 0;
	vector_for_each (&a->retired, unit)
		if (!(*unit)->lost)
			count += (*unit)->placement.copies.count;
	return count;
}

bool copy_is_sent(const struct copy *copy)
{
	uint64_t link = copy_zhost(copy)->link_id;
	return link != 0 && copy->sent_epoch == copy->of_slot.epoch && copy->sent_link == link;
}
