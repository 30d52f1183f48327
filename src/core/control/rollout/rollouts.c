#include "core/control/rollout/rollouts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/rollout/rollout_facts.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/rollout/rollout_relabel.h"
#include "core/control/rollout/rollout_switch.h"
#include "core/control/rollout/rollout_waves.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/members.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/apart.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/lifecycle/goal.h"
#include "core/lifecycle/rules.h"

static void mark(struct control_application *a)
{
	mark_application(a, APPLICATION_ROLLOUT | APPLICATION_HANDOVER | APPLICATION_RECORD);
}

/* ---- beginning ---- */

static void emit(struct control *c, const struct control_application *a, const char *from,
		 const char *to, const char *cause)
{
	emit_event(&c->emitter, "rollout", a->name, from, to, a->id, cause);
}

static void set_turns(struct control_application *a)
{
	if (rollout_is_before_switch(a))
		rollout_set_joint_turns(a);
	else
		rollout_set_turns(a);
}

/* Which units take over together, and in which version, is not what it was. */
static void change_turns(struct control_application *a)
{
	for_each_root (a, root)
		apart_joint_changed(root);
	set_turns(a);
	for_each_root (a, root)
		apart_joint_changed(root);
}

void rollouts_resume_turns(struct control_application *a)
{
	set_turns(a);
}

void rollouts_each_added(struct control_application *a)
{
	if (a->rollout == NULL)
		return;
	if (rollout_is_before_switch(a))
		rollout_review_joint_turns(a);
	else
		rollout_set_turns(a);
	rollout_rebase_unplaced(a->control, a); /* others may have another turn now */
	mark(a);
}

/* What had to wait for this step is changed now, or placed so. */
static void begin_step(struct control *c, struct control_application *a)
{
	change_turns(a);
	handovers_begin_step(c, a);
	mesh_tables_mark_shares(a);
	rollout_rebase_unplaced(c, a);
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

/* ---- time ---- */

/* The next step follows at that time (monotonic). */
static void set_clock(struct control *c, struct application_rollout *r, int64_t promote_at_ms)
{
	r->promote_at_ms = promote_at_ms;
	if (promote_at_ms > c->now.mono_ms)
		heap_set(&c->rollout_timers, &r->timer, promote_at_ms);
	else
		heap_remove(&c->rollout_timers, &r->timer);
}

static void stop_clock(struct control *c, struct application_rollout *r)
{
	r->promote_at_ms = NEVER_MS;
	heap_remove(&c->rollout_timers, &r->timer);
}

void rollouts_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->rollout_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct application_rollout *r =
			container_of(n, struct application_rollout, timer);
		heap_remove(&c->rollout_timers, n);
		mark_application(r->application, APPLICATION_ROLLOUT);
	}
}

int64_t rollouts_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->rollout_timers);
	return n != NULL ? n->key : NEVER_MS;
}

const struct control_application *rollouts_first_timed(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->rollout_timers);
	return n != NULL ? container_of(n, struct application_rollout, timer)->application
			 : NULL;
}

static void lead_to(struct control_application *a, struct revision *target,
		    const struct rollout_spec *spec, const struct rollout_wish *wish)
{
	struct application_rollout *r = a->rollout;
	r->target = target;
	r->at_once = wish->at_once;
	r->no_surge = wish->no_surge;
	r->moves_begun = false;
	r->failed = false;
	r->rollout.spec = *spec;
	if (wish->at_once) /* never through a canary */
		r->rollout.spec.policy = ROLLOUT_REPLACE;
	if (r->steps_back) { /* to what was proven before, and runs */
		r->rollout.spec.policy = ROLLOUT_BLUE_GREEN;
		r->rollout.spec.healthy_for_ms = r->rollout.spec.keep_ms = 0;
	}
	r->rollout.step = 0;
	r->rollout.aborted = false;
	free(r->by);
	free(r->cause);
	free(r->places);
	r->by = mem_strdup(wish->by);
	r->cause = NULL;
	r->places = mem_new_array(uint32_t, target->topology->space_count);
	rollout_order(target->topology, r->places);
}

static struct application_rollout *rollout_new(struct control_application *a)
{
	struct application_rollout *r = mem_new(struct application_rollout);
	r->application = a;
	r->promote_at_ms = NEVER_MS;
	return r;
}

void rollout_forget_last(struct control_application *a)
{
	free(a->last_rollout.cause);
	a->last_rollout = (struct last_rollout){0};
}

void rollout_to(struct control *c, struct control_application *a, struct revision *target,
		const struct rollout_spec *spec, const struct rollout_wish *wish)
{
	struct application_rollout *r = a->rollout;
	CLEANUP(freep) char *from = NULL;
	bool steps_back = wish->at_once && kept_set_fits(a, target);
	members_add(c, a, target, wish->by);
	rollout_forget_last(a);
	if (!steps_back)
		kept_set_end(c, a, "there is another change");
	if (r == NULL) {
		from = mem_strdup(revision_version(a->application.served));
		r = a->rollout = rollout_new(a);
		r->base = base_of(a);
		r->rollout.has_base = r->base != NULL;
		r->steps_back = steps_back;
		lead_to(a, target, spec, wish);
		rollout_begin(&r->rollout);
	} else {
		from = mem_strdup(revision_version(r->target));
		r->target->result = "superseded";
		r->steps_back = steps_back;
		lead_to(a, target, spec, wish);
		rollout_enter(&r->rollout, ROLLOUT_ADVANCING, false);
		stop_clock(c, r);
	}
	CLEANUP(freep)
	char *cause = str_printf("%s, %s by %s", rollout_policy_name(spec->policy),
				 wish->at_once ? "rolled back" : "submitted", wish->by);
	emit(c, a, from, revision_version(target), cause);
	a->updated_ms = c->now.wall_ms;
	members_update(c, a);
	begin_step(c, a);
	mark(a);
}

/* ---- the end ---- */

void rollout_forget(struct control_application *a)
{
	struct application_rollout *r = a->rollout;
	if (r == NULL)
		return;
	stop_clock(a->control, r);
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
	mesh_tables_mark_shares(a);
	rollout_rebase_unplaced(c, a);
	a->updated_ms = c->now.wall_ms;
	mark_application(a, APPLICATION_RECORD | APPLICATION_STATE | APPLICATION_HANDOVER);
	kept_set_rollout_ended(c, a);
	application_trim_revisions(a, c->place, records_delete_revision, c);
}

static void complete(struct control *c, struct control_application *a)
{
	struct revision *target = a->rollout->target;
	bool steps_back = a->rollout->steps_back;
	CLEANUP(freep) char *from = mem_strdup(revision_version(a->application.served));
	a->application.completed = target->number;
	target->completed_ms = c->now.wall_ms;
	serve(a, target);
	end(c, a);
	emit(c, a, from, revision_version(target), "completed");
	if (steps_back)
		kept_set_end_trimmed(c, a, "the application is back on it");
}

static void remember(struct control *c, struct control_application *a, const char *result)
{
	struct application_rollout *r = a->rollout;
	rollout_forget_last(a);
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
	/* What has left in the return does not stay for a former set. */
	kept_set_end(c, a, "the rollout has ended");
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

/* ---- moves ---- */

/* The caller frees. */
static char *cause_of_move(const struct control_application *a, bool promotes)
{
	const struct application_rollout *r = a->rollout;
	if (r->rollout.state == ROLLOUT_WAITING)
		return rollout_step_text(a);
	if (r->cause != NULL)
		return mem_strdup(r->cause);
	if (promotes)
		return str_printf("everything has been healthy after step %u", r->rollout.step);
	return mem_strdup(rollout_is_in_steps(&r->rollout)
				  ? "what belongs to the step has to be led "
				    "to the new version again"
				  : "asked for");
}

/* `promotes`: from waiting to the next step. `fails`: a copy of the target's has failed. */
static void enter(struct control *c, struct control_application *a, enum rollout_state to,
		  bool promotes, bool fails)
{
	struct application_rollout *r = a->rollout;
	rollout_enter(&r->rollout, to, promotes);
	stop_clock(c, r);
	if (to == ROLLOUT_WAITING && r->rollout.spec.promotes)
		set_clock(c, r, c->now.mono_ms + r->rollout.spec.promote_after_ms);
	mark(a);
	if (to == ROLLOUT_COMPLETED) {
		complete(c, a);
		return;
	}
	if (to == ROLLOUT_RETURNED) {
		returned(c, a);
		return;
	}
	CLEANUP(freep) char *cause = cause_of_move(a, promotes);
	emit(c, a, revision_version(r->target), rollout_state_name(to), cause);
	if (fails && (to == ROLLOUT_PAUSED || to == ROLLOUT_RETURNING))
		emit_fails(&c->emitter);
	r->moves_begun = false;
	if (to == ROLLOUT_RETURNING) {
		if (rollout_switches_later(&r->rollout))
			rollout_end_joint_turns(a);
		members_update(c, a);
		rollout_rebase_unplaced(c, a);
	}
	if (promotes)
		begin_step(c, a);
	mesh_tables_mark_shares(a);
}

/* Everything that differs is handed over, in one step. */
static void try_switch(struct control *c, struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	if (r->rollout.state != ROLLOUT_ADVANCING || r->failed ||
	    !rollout_is_before_switch(a) || rollout_switches_nothing(a) ||
	    !rollout_may_switch(a))
		return;
	rollout_switch(c, a);
	CLEANUP(freep)
	char *cause =
		str_printf("everything is healthy: %s takes over", revision_version(r->target));
	emit(c, a, revision_version(rollout_from(a)), revision_version(r->target), cause);
	rollout_rebase_unplaced(c, a);
	members_update(c, a);
	mark(a);
}

static void run(struct control *c, struct control_application *a)
{
	while (a->rollout != NULL) {
		if (rollout_is_before_switch(a))
			rollout_review_joint_turns(a);
		try_switch(c, a);
		const struct rollout_facts facts = rollout_facts_of(c, a);
		enum rollout_state next = rollout_next(&a->rollout->rollout, &facts);
		if (next == a->rollout->rollout.state)
			break;
		bool promotes = a->rollout->rollout.state == ROLLOUT_WAITING &&
				next == ROLLOUT_ADVANCING && facts.step_done;
		enter(c, a, next, promotes, facts.failed);
	}
	if (a->rollout != NULL)
		rollout_act(c, a);
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

void rollout_end_surge(struct control_application *a)
{
	if (a->rollout == NULL || a->rollout->no_surge)
		return;
	a->rollout->no_surge = true;
	mark(a);
	mark_application(a, APPLICATION_PLACE);
}

/* It goes on: what has joined a unit, and is out of attempts, is tried again where it is. */
static void retry_joined(struct control_application *a, const char *cause)
{
	vector_for_each (&a->slots.slots, s) {
		const struct copy *copy = serving_copy(control_of_slot(*s));
		if (copy != NULL && copy->exhausted && copy_joins(copy))
			goal_request(*s, (*s)->goal, cause);
	}
}

int rollout_do(struct control *c, struct control_application *a, enum rollout_command command,
	       struct error **err)
{
	struct application_rollout *r = a->rollout;
	enum rollout_state to;
	if (r == NULL)
		return error_set(
			err, ERR_CONFLICT,
			"no rollout of %s is under way; a submission of a higher version "
			"begins one",
			a->name);
	int result = rollout_command(&r->rollout, command, &to, err);
	if (result < 0)
		return error_wrap(err, "%s", a->name);
	free(r->cause);
	static const char *const done[] = {"promoted", "aborted", "paused", "resumed"};
	r->cause = str_printf("%s by %s", done[command], c->actor);
	r->rollout.aborted = command == ROLLOUT_ABORT;
	r->failed = false;
	if (r->rollout.state == ROLLOUT_PAUSED && to == ROLLOUT_ADVANCING)
		retry_joined(a, r->cause);
	enter(c, a, to, command == ROLLOUT_PROMOTE && r->rollout.state == ROLLOUT_WAITING,
	      false);
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

/* Nothing has been heard yet: that everything is well takes a heartbeat. */
static int64_t resumed_clock(const struct control *c, const struct rollout_spec *spec,
			     int64_t promote_wall_ms)
{
	int64_t left = promote_wall_ms - c->now.wall_ms;
	int64_t most = spec->promote_after_ms > c->config.heartbeat_ms ? spec->promote_after_ms
								       : c->config.heartbeat_ms;
	left = left < c->config.heartbeat_ms ? c->config.heartbeat_ms
	       : left > most		     ? most
					     : left;
	return c->now.mono_ms + left;
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
	a->rollout = rollout_new(a);
	a->rollout->base = base;
	a->rollout->rollout.has_base = base != NULL;
	const struct rollout_wish wish = {
		.at_once = from->at_once, .no_surge = from->no_surge, .by = from->by};
	a->rollout->steps_back = from->steps_back;
	lead_to(a, target, &spec, &wish);
	rollout_restore(&a->rollout->rollout, (enum rollout_state)from->state);
	a->rollout->rollout.step = from->step;
	set_turns(a);
	mesh_tables_load_shares(a);
	if (from->has_promote_ms)
		set_clock(c, a->rollout, resumed_clock(c, &spec, from->promote_ms));
	a->rollout->rollout.aborted = from->aborted;
	a->rollout->rollout.spec.pauses = a->rollout->rollout.spec.pauses || from->at_once;
	a->rollout->cause = mem_strdup(from->cause);
	mark_application(a, APPLICATION_ROLLOUT);
	return 0;
}
