#include "core/control/rollouts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/copies.h"
#include "core/control/handover_kind.h"
#include "core/control/handovers.h"
#include "core/control/members.h"
#include "core/control/mesh_tables.h"
#include "core/control/placement.h"
#include "core/control/record_writer.h"
#include "core/control/rollout_progress.h"
#include "core/control/rollout_relabel.h"
#include "core/control/state.h"
#include "core/control/target.h"
#include "core/control/topology_state.h"
#include "core/control/unload_unit.h"
#include "core/control/wants.h"
#include "core/lifecycle/rules.h"

static void mark(struct control_application *a)
{
	mark_application(a, APPLICATION_ROLLOUT | APPLICATION_HANDOVER | APPLICATION_RECORD);
}

/* ---- units ---- */

/* A unit that has no copy is to be placed in the revision that is wanted now. */
static void rebase_unplaced(struct control *c, struct control_application *a)
{
	place_wait_end(c->place, a->ticket);
	mark_application(a, APPLICATION_PLACE);
	for_each_root (a, root) {
		if (root->of_path->serving != NULL || root->slot->moving)
			continue;
		unit_rebase(c, root);
		slot_for_each_below (root->slot, s) {
			slot_publish_facts(control_of_slot(s));
			lifecycle_push(s);
		}
	}
}

/* ---- beginning ---- */

static void emit(struct control *c, const struct control_application *a, const char *from,
		 const char *to, const char *cause)
{
	emit_event(&c->emitter, "rollout", a->name, from, to, a->id, cause);
}

/* Its slots follow that revision, so it can be returned to. */
static struct revision *base_of(const struct control_application *a)
{
	struct revision *completed =
		application_revision(&a->application, a->application.completed);
	return completed != NULL && completed->declared != NULL && completed->topology != NULL
		       ? completed
		       : NULL;
}

static void lead_to(struct control_application *a, struct revision *target,
		    const struct rollout_spec *spec, bool at_once, const char *by)
{
	struct application_rollout *r = a->rollout;
	r->target = target;
	r->at_once = at_once;
	r->moves_begun = false;
	r->failed = false;
	r->rollout.spec = *spec;
	r->rollout.aborted = false;
	free(r->by);
	free(r->cause);
	free(r->places);
	r->by = mem_strdup(by);
	r->cause = NULL;
	r->places = mem_new_array(uint32_t, target->topology->space_count);
	rollout_order(target->topology, r->places);
}

static void forget_last(struct control_application *a)
{
	free(a->last_rollout.cause);
	a->last_rollout = (struct last_rollout){0};
}

void rollout_to(struct control *c, struct control_application *a, struct revision *target,
		const struct rollout_spec *spec, bool at_once, const char *by)
{
	struct application_rollout *r = a->rollout;
	CLEANUP(freep) char *from = NULL;
	members_add(c, a, target, by);
	forget_last(a);
	if (r == NULL) {
		from = mem_strdup(revision_version(a->application.served));
		r = a->rollout = mem_new(struct application_rollout);
		r->base = base_of(a);
		r->rollout.has_base = r->base != NULL;
		lead_to(a, target, spec, at_once, by);
		rollout_begin(&r->rollout);
	} else {
		from = mem_strdup(revision_version(r->target));
		r->target->result = "superseded";
		lead_to(a, target, spec, at_once, by);
		rollout_enter(&r->rollout, ROLLOUT_ADVANCING);
	}
	CLEANUP(freep)
	char *cause = str_printf("%s, %s by %s", rollout_policy_name(spec->policy),
				 at_once ? "rolled back" : "submitted", by);
	emit(c, a, from, revision_version(target), cause);
	a->updated_ms = c->now.wall_ms;
	members_update(c, a);
	rebase_unplaced(c, a);
	mark(a);
}

/* ---- the end ---- */

void rollout_forget(struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	if (r == NULL)
		return;
	a->rollout = NULL;
	free(r->by);
	free(r->cause);
	free(r->places);
	free(r);
}

/* Its slots follow that revision, which the slots know already. */
static void serve(struct control_application *a, struct revision *revision)
{
	a->application.served = revision;
	a->declared = revision->declared;
	a->topology = revision->topology;
}

static void end(struct control *c, struct control_application *a)
{
	rollout_forget(a);
	members_update(c, a);
	rebase_unplaced(c, a);
	a->updated_ms = c->now.wall_ms;
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_HANDOVER);
	application_trim_revisions(a, c->place, records_delete_revision, c);
}

static void complete(struct control *c, struct control_application *a)
{
	struct revision *target = a->rollout->target;
	CLEANUP(freep) char *from = mem_strdup(revision_version(a->application.served));
	a->application.completed = target->number;
	target->completed_ms = c->now.wall_ms;
	serve(a, target);
	end(c, a);
	emit(c, a, from, revision_version(target), "completed");
}

static void remember(struct control *c, struct control_application *a, const char *result)
{
	struct application_rollout *r = a->rollout;
	forget_last(a);
	r->target->result = result;
	a->last_rollout = (struct last_rollout){
		.result = result,
		.cause = steal_ptr(&r->cause),
		.revision = r->target->number,
		.back_on = r->base != NULL ? r->base->number : 0,
		.time_ms = c->now.wall_ms,
	};
}

static void returned(struct control *c, struct control_application *a)
{
	struct revision *base = a->rollout->base;
	const char *result = a->rollout->rollout.aborted ? "aborted" : "failed";
	CLEANUP(freep) char *from = mem_strdup(revision_version(a->rollout->target));
	CLEANUP(freep)
	char *cause = str_printf(
		"%s%s%s; back on %s", result, a->rollout->cause != NULL ? ": " : "",
		a->rollout->cause != NULL ? a->rollout->cause : "", revision_version(base));
	remember(c, a, result);
	serve(a, base);
	end(c, a);
	emit(c, a, from, revision_version(base), cause);
}

void rollout_drop(struct control *c, struct control_application *a, const char *result)
{
	if (a->rollout == NULL)
		return;
	emit(c, a, revision_version(a->rollout->target), NULL, result);
	remember(c, a, result);
	end(c, a);
}

/* ---- facts ---- */

/* A copy that serves in the target, and has been proven, is not what it was. */
static const char *illness(const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	const struct slot *s = sc->slot;
	if (copy == NULL || s->goal != GOAL_DEPLOYED_STARTED || copy->unit->lost)
		return NULL;
	/* One that was added is tried as often as any that starts. */
	bool was_there = revision_declares(application_of(s)->application.served, s);
	bool ended = was_there && s->state == STATE_DEPLOYED_STOPPED && copy->failures > 0;
	if (copy->exhausted || ended)
		return sc->last_error != NULL ? sc->last_error : "failed";
	if (was_there && s->state == STATE_DEPLOYED_STARTED && copy->heard && !copy->healthy)
		return "is not healthy any longer";
	return NULL;
}

static void notice_illness(struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	for_each_root (a, root) {
		const struct unit_placement *unit = unit_of(root->of_path->serving);
		if (r->failed || unit == NULL || unit->revision != r->target ||
		    (root->handover != NULL &&
		     root->handover->handover.state != HANDOVER_RETIRING))
			continue;
		slot_for_each_below (root->slot, s) {
			const char *what = illness(control_of_slot(s));
			if (what == NULL || r->failed)
				continue;
			r->failed = true;
			free(r->cause);
			r->cause = str_printf("%s: %s", s->path, what);
		}
	}
}

static bool is_settled(const struct control_application *a, const struct revision *revision)
{
	if (a->handovers.count > 0)
		return false;
	for_each_root (a, root)
		if (root->slot->moving || !rollout_is_current(root, revision))
			return false;
	return true;
}

static struct rollout_facts facts_of(struct control *c, struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	if (r->rollout.state == ROLLOUT_ADVANCING)
		notice_illness(a);
	struct rollout_facts f = {.failed = r->failed};
	r->failed = false;
	if (r->rollout.state == ROLLOUT_RETURNING)
		f.returned = is_settled(a, r->base) && rollout_relabel(c, a);
	else if (r->rollout.state == ROLLOUT_ADVANCING && !f.failed)
		f.complete = is_settled(a, r->target) && members_missing(a) == NULL &&
			     rollout_relabel(c, a);
	return f;
}

/* ---- waves ---- */

static char *cause_of(const struct application_rollout *r, bool returns)
{
	if (returns)
		return str_printf("back to %s", revision_version(r->base));
	return str_printf("rollout to %s by %s", revision_version(r->target), r->by);
}

/* Handovers that lead elsewhere than the rollout does now, and, while it is paused, those that would wait for
 * others: what they are to replace goes on without them. */
static void mark_unwanted(struct control_application *a)
{
	const struct revision *wanted = rollout_wanted(a);
	bool paused = a->rollout->rollout.state == ROLLOUT_PAUSED;
	vector_for_each (&a->handovers, item) {
		struct unit_handover *h = (*item)->handover;
		bool waits = h->held && (h->handover.state == HANDOVER_PLACING ||
					 h->handover.state == HANDOVER_PREPARING);
		h->unwanted = h->revision != NULL &&
			      ((paused && waits) ||
			       !rollout_has_same_content(*item, h->revision, wanted));
	}
}

static bool has_change_under_way(const struct control_application *a)
{
	vector_for_each (&a->handovers, item)
		if ((*item)->handover->revision != NULL)
			return true;
	return false;
}

/* What is replaced all at once stops first, in one ordered stop. A return, and a step back, leave served what
 * can be. */
static void begin(struct control *c, struct slot_control *root, bool together)
{
	const struct control_application *a = application_of(root->slot);
	const struct application_rollout *r = a->rollout;
	bool returns = r->rollout.state == ROLLOUT_RETURNING;
	bool replaces = together && !returns && !r->at_once;
	enum handover_kind kind = replaces ? HANDOVER_STOP_FIRST
					   : handover_kind_of_change(root, rollout_wanted(a));
	CLEANUP(freep) char *cause = cause_of(r, returns);
	handover_start_change(c, root, rollout_wanted(a), kind, returns,
			      together && kind == HANDOVER_STOP_FIRST, cause);
}

/* The first space in the order of imports that has something to change: a batch of its instances, of the
 * lowest numbers. */
static void begin_batch(struct control *c, struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	uint32_t first = UINT32_MAX;
	if (has_change_under_way(a))
		return;
	for_each_root (a, root)
		if (!rollout_is_current(root, r->target) &&
		    rollout_place_of(a, root->slot) < first)
			first = rollout_place_of(a, root->slot);
	uint32_t batch = 0;
	for_each_root (a, root) {
		if (rollout_is_current(root, r->target) ||
		    rollout_place_of(a, root->slot) != first)
			continue;
		const struct space *space =
			declarations_of(r->target->declared, root->slot)->space;
		if (batch >= rollout_spec_batch(&r->rollout.spec, space->instance_count))
			return;
		batch++;
		if (rollout_can_change(root))
			begin(c, root, false);
	}
}

/* All at once: they are installed, then stop together. */
static void begin_all(struct control *c, struct control_application *a)
{
	for_each_root (a, root)
		if (!rollout_is_current(root, rollout_wanted(a)) && rollout_can_change(root))
			begin(c, root, true);
}

static bool is_prepared(const struct slot_control *root)
{
	const struct handover *h = &root->handover->handover;
	return h->state == HANDOVER_PREPARING && handover_is_deployed(root);
}

/* In a return it holds no others back: they leave the version that has failed. */
static bool waits_for_room(const struct control_application *a, const struct unit_handover *h)
{
	return a->rollout->rollout.state == ROLLOUT_RETURNING &&
	       h->handover.state == HANDOVER_PLACING && h->waits != NULL;
}

/* Nothing stops before everything that stops with it is installed. */
static void stop_prepared(struct control *c, struct control_application *a)
{
	bool any = false;
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		if (!h->held || h->unwanted || (*item)->lost || waits_for_room(a, h))
			continue;
		bool waits = h->handover.state == HANDOVER_PLACING ||
			     h->handover.state == HANDOVER_PREPARING;
		if (waits && !is_prepared(*item))
			return;
		any = any || waits;
	}
	if (any)
		handovers_stop(c, a, false);
}

/* It is not to be deployed, and yet has a copy that nothing moves: its zhost is lost, or could not undeploy
 * it. Started later, it must not be of a revision that is past. */
static bool is_left_over(const struct slot_control *root)
{
	if (root->slot->goal != GOAL_NOT_DEPLOYED || serving_copy(root) == NULL)
		return false;
	slot_for_each_below (root->slot, s) {
		const struct copy *copy = serving_copy(control_of_slot(s));
		if (state_is_active(s->state) || state_is_transitive(s->state) ||
		    (!root->lost && s->state != STATE_NOT_DEPLOYED &&
		     (copy == NULL || !copy->undeploy_failed)))
			return false;
	}
	return true;
}

static void unload_left(struct control *c, struct control_application *a)
{
	for_each_root (a, root)
		if (!rollout_is_current(root, rollout_wanted(a)) && is_left_over(root))
			unit_unload(c, root, "unloads in the background");
}

static void act(struct control *c, struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	mark_unwanted(a);
	handovers_stop(c, a, true);
	unload_left(c, a);
	if (r->rollout.state == ROLLOUT_PAUSED)
		return;
	rollout_begin_moves(c, a);
	bool rolls = r->rollout.spec.policy == ROLLOUT_ROLLING && !r->at_once;
	if (r->rollout.state == ROLLOUT_ADVANCING && rolls)
		begin_batch(c, a);
	else
		begin_all(c, a);
	stop_prepared(c, a);
}

/* ---- moves ---- */

static void enter(struct control *c, struct control_application *a, enum rollout_state to)
{
	struct application_rollout *r = a->rollout;
	rollout_enter(&r->rollout, to);
	mark(a);
	if (to == ROLLOUT_COMPLETED) {
		complete(c, a);
		return;
	}
	if (to == ROLLOUT_RETURNED) {
		returned(c, a);
		return;
	}
	emit(c, a, revision_version(r->target), rollout_state_name(to),
	     r->cause != NULL ? r->cause : "asked for");
	r->moves_begun = false;
	if (to != ROLLOUT_RETURNING)
		return;
	members_update(c, a);
	rebase_unplaced(c, a);
}

static void run(struct control *c, struct control_application *a)
{
	while (a->rollout != NULL) {
		const struct rollout_facts facts = facts_of(c, a);
		enum rollout_state next = rollout_next(&a->rollout->rollout, &facts);
		if (next == a->rollout->rollout.state)
			break;
		enter(c, a, next);
	}
	if (a->rollout != NULL)
		act(c, a);
	lifecycle_settle(&c->lifecycle);
}

bool rollouts_are_due(const struct control *c)
{
	vector_for_each (&c->dirty.applications, a)
		if (((*a)->marks & APPLICATION_ROLLOUT) != 0 && (*a)->rollout != NULL)
			return true;
	return false;
}

void rollouts_run(struct control *c)
{
	for (size_t k = 0; k < c->dirty.applications.count; k++) {
		struct control_application *a = c->dirty.applications.items[k];
		bool due = (a->marks & (APPLICATION_ROLLOUT | APPLICATION_HANDOVER)) != 0;
		a->marks &= ~(unsigned)APPLICATION_ROLLOUT;
		if (due && a->rollout != NULL)
			run(c, a);
	}
}

/* ---- requests ---- */

int rollout_do(struct control *c, struct control_application *a, enum rollout_command command,
	       struct error **err)
{
	struct application_rollout *r = a->rollout;
	enum rollout_state to;
	if (r == NULL)
		return error_set(err, ERR_CONFLICT, "no rollout of %s is under way", a->name);
	int result = rollout_command(&r->rollout, command, &to, err);
	if (result < 0)
		return error_wrap(err, "%s", a->name);
	free(r->cause);
	r->cause =
		command == ROLLOUT_ABORT
			? str_printf("aborted by %s", c->actor)
			: str_printf("%s by %s",
				     command == ROLLOUT_PAUSE ? "paused" : "resumed", c->actor);
	r->rollout.aborted = command == ROLLOUT_ABORT;
	r->failed = false;
	enter(c, a, to);
	if (command != ROLLOUT_ABORT && command != ROLLOUT_PAUSE) {
		free(r->cause);
		r->cause = NULL;
	}
	a->updated_ms = c->now.wall_ms;
	return 0;
}

/* ---- from a record ---- */

static void load_last(struct control_application *a, const Samoza__V1__LastRolloutRecord *r)
{
	a->last_rollout = (struct last_rollout){
		.result = revision_result_name(r->result),
		.cause = mem_strdup(r->cause),
		.revision = r->revision,
		.back_on = r->back_on,
		.time_ms = r->time_ms,
	};
}

int rollout_load(struct control *c, struct control_application *a,
		 const Samoza__V1__ApplicationRecord *record, struct error **err)
{
	const Samoza__V1__RolloutRecord *from = record->rollout;
	for (size_t k = 0; k < record->n_results; k++) {
		struct revision *revision =
			application_revision(&a->application, record->results[k]->number);
		if (revision != NULL)
			revision->result = revision_result_name(record->results[k]->result);
	}
	if (record->last_rollout != NULL)
		load_last(a, record->last_rollout);
	if (from == NULL)
		return 0;
	struct revision *target = application_revision(&a->application, from->target);
	struct revision *base = from->back_to != 0
					? application_revision(&a->application, from->back_to)
					: NULL;
	struct rollout_spec spec;
	int result = rollout_spec_read(target->record->rollout, &spec, err);
	if (result < 0)
		return error_wrap(err, "topology %s, revision %u in the store", a->name,
				  target->number);
	application_declare(a, target);
	if (base != NULL)
		application_declare(a, base);
	a->rollout = mem_new(struct application_rollout);
	a->rollout->base = base;
	a->rollout->rollout.has_base = base != NULL;
	lead_to(a, target, &spec, from->at_once, from->by);
	rollout_restore(&a->rollout->rollout, (enum rollout_state)from->state);
	a->rollout->rollout.aborted = from->aborted;
	a->rollout->rollout.spec.pauses = a->rollout->rollout.spec.pauses || from->at_once;
	a->rollout->cause = mem_strdup(from->cause);
	mark_application(a, APPLICATION_ROLLOUT);
	return 0;
}
