#include "core/control/request/requests.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "core/application/submission_effect.h"
#include "core/control/application/applications.h"
#include "core/control/application/forget.h"
#include "core/control/handover/kept_set.h"
#include "core/control/placement/unload_unit.h"
#include "core/control/request/dry_run.h"
#include "core/control/request/scale_request.h"
#include "core/control/request/signing_key_request.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/slot/unit_change.h"
#include "core/control/slot/wants.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/remains.h"
#include "core/control/state/state.h"
#include "core/lifecycle/goal.h"
#include "model/compile.h"
#include "model/quantity.h"
#include "schema/message.h"

static char *by_actor(const struct control *c, const char *what)
{
	return str_printf("%s by %s", what, c->actor);
}

static int find_application(struct control *c, const char *id, struct control_application **ret,
			    struct error **err)
{
	*ret = application_by_id(&c->applications, id);
	if (*ret == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	return 0;
}

static bool is_root(const struct slot *s)
{
	return s->parent == NULL;
}

/* What is still being unloaded goes on unloading in the background, beside its successor. */
static void start_again(struct control *c, struct control_application *a)
{
	a->was_running = a->was_running && a->state != TOPOLOGY_STOPPED;
	vector_for_each (&a->slots.slots, s) {
		struct slot_control *sc = control_of_slot(*s);
		if (!is_root(*s))
			continue;
		exclusions_forgive(c, sc);
		if ((*s)->goal == GOAL_NOT_DEPLOYED)
			unit_unload(c, sc, "unloads in the background");
	}
	mark_application(a, APPLICATION_PLACE);
}

/* ---- submit ---- */

/* Nothing of it is to run: it was stopped, or never started. */
static bool is_stopped(const struct control_application *a)
{
	return a->state == TOPOLOGY_STOPPED || !a->ever_started;
}

/* Whether what runs can be led to what is submitted. */
static int check_change(const struct control_application *a, const struct control_submit *s,
			struct error **err)
{
	struct rollout_spec spec;
	if (!s->options.start)
		return error_set(err, ERR_CONFLICT,
				 "%s is %s: a change of what runs is not submitted without "
				 "start; stop the topology first",
				 a->name, topology_state_name(a->state));
	return rollout_spec_read(s->record->rollout, &spec, err);
}

/* A heartbeat may be late by a failure timeout: nothing can be cut off for less. */
static int check_stop_after(const struct control *c, const struct topology *t,
			    struct error **err)
{
	for (unsigned k = 0; k < t->space_count; k++) {
		const struct space *space = &t->spaces[k];
		if (space->stop_after_ms == 0 || space->exclusive ||
		    space->stop_after_ms >= (uint64_t)c->config.failure_timeout_ms)
			continue;
		CLEANUP(freep) char *own = duration_format(space->stop_after_ms);
		CLEANUP(freep)
		char *least = duration_format((uint64_t)c->config.failure_timeout_ms);
		return error_set(err, ERR_INVALID,
				 "loss.stop_after of space '%s' is %s, and a zhost is cut off "
				 "only after the failure timeout of %s; expected at least %s, "
				 "or never",
				 space->name, own, least, least);
	}
	return 0;
}

/* What it was compiled with are the values that are kept now: of what runs, or is being led to. */
static int check_kept(const struct control_submit *s, const struct control_application *a,
		      struct error **err)
{
	if (s->kept == NULL)
		return 0;
	CLEANUP(freep)
	char *kept = revision_values_text(a != NULL ? wanted_revision(a)->record : NULL);
	if (str_equal(kept, s->kept))
		return 0;
	return error_set(
		err, ERR_STALE,
		"the values of %s have changed while this submission was checked; submit "
		"it again",
		s->topology->name);
}

/* What the submission means; ERR_CONFLICT, ERR_INVALID: it is refused. */
static int judge(const struct control *c, const struct control_application *a,
		 const struct control_submit *s, enum submission_effect *ret_effect,
		 struct error **err)
{
	*ret_effect = SUBMISSION_CREATED;
	const struct revision *newest =
		a != NULL ? application_revision(&a->application, a->application.newest) : NULL;
	int r = check_kept(s, a, err);
	if (r < 0)
		return r;
	if (a == NULL)
		return check_stop_after(c, s->topology, err);
	r = submission_judge(newest, s->record, is_stopped(a), &s->options, ret_effect, err);
	if (r < 0 || *ret_effect == SUBMISSION_UNCHANGED)
		return r;
	r = check_stop_after(c, s->topology, err);
	CLEANUP(freep) char *clash = r >= 0 ? application_name_clash(a, s->topology) : NULL;
	if (clash != NULL)
		return error_set(
			err, ERR_CONFLICT,
			"two instances of %s %s would have the data of %s: a space whose "
			"count was written or removed had the name of another one; "
			"give that one another name",
			a->name, s->record->version != NULL ? s->record->version : "", clash);
	return r < 0 || is_stopped(a) ? r : check_change(a, s, err);
}

/* What runs is led to what is submitted. */
static void change(struct control *c, struct control_application *a,
		   const struct control_submit *s, const struct accepted *accepted)
{
	const struct rollout_wish wish = {.no_surge = s->options.no_surge, .by = c->actor};
	struct rollout_spec spec;
	if (rollout_spec_read(accepted->record->rollout, &spec, NULL) < 0)
		IMPOSSIBLE("check_change() has read it");
	c->count.submits++;
	rollout_to(c, a, application_accept(c, a, accepted->record, accepted->topology), &spec,
		   &wish);
}

/* The application of that name, with what was submitted as the revision that it serves. */
static struct control_application *accept(struct control *c, const struct control_submit *s,
					  const struct accepted *accepted)
{
	struct control_application *a =
		application_by_name(&c->applications, s->topology->name);
	if (a == NULL) {
		PRE(application_by_id(&c->applications, s->id) == NULL);
		a = application_add(c, s->topology->name, s->id, c->next_sequence++);
		a->created_ms = c->now.wall_ms;
	}
	a->updated_ms = c->now.wall_ms;
	a->was_running = false;
	application_revise(c, a, accepted->record, accepted->topology);
	return a;
}

/* As asked by its submission: everything is to start. */
static void start_submitted(struct control *c, struct control_application *a)
{
	CLEANUP(freep) char *cause = by_actor(c, "submitted");
	if (grouped_request(&a->slots, NULL, GROUPED_DEPLOY_ALL, cause, NULL) < 0)
		IMPOSSIBLE("a whole topology has no parent that refuses");
	a->ever_started = a->starts_each = true;
}

static struct control_application *take(struct control *c, const struct control_submit *s,
					const struct accepted *accepted)
{
	struct control_application *a = accept(c, s, accepted);
	c->count.submits++;
	CLEANUP(freep)
	char *cause = by_actor(c, s->options.start ? "submitted" : "submitted without start");
	const char *state = topology_state_name(a->state);
	emit_event(&c->emitter, "topology", a->name, a->application.newest > 1 ? state : NULL,
		   state, a->id, cause);
	if (s->options.start)
		start_submitted(c, a);
	return a;
}

void request_submit(struct control *c, const struct control_input *input)
{
	const struct control_submit *s = &input->submit;
	struct control_application *a =
		application_by_name(&c->applications, s->topology->name);
	enum submission_effect effect;
	struct error *err = NULL;
	if (signing_key_check_submission(c, s, &err) < 0 || judge(c, a, s, &effect, &err) < 0) {
		emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
		return;
	}
	if (s->options.dry_run) {
		emit_view(&c->emitter, input->request, &dry_run_view(c, s)->base);
		return;
	}
	struct accepted accepted = {0};
	if (effect != SUBMISSION_UNCHANGED && accepted_new(c, a, s, &accepted, &err) < 0) {
		emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
		return;
	}
	if (effect == SUBMISSION_UPDATED && !is_stopped(a)) {
		change(c, a, s, &accepted);
	} else if (effect != SUBMISSION_UNCHANGED) {
		a = take(c, s, &accepted);
	} else if (s->options.no_surge && !is_stopped(a)) {
		rollout_end_surge(a);
	} else if (s->options.start && is_stopped(a)) {
		start_again(c, a);
		start_submitted(c, a);
	}
	topology_unref(accepted.topology);
	emit_submitted(&c->emitter, input->request, a->id, submission_effect_name(effect));
}

/* ---- whole topologies ---- */

static void recover(struct control *c, struct control_application *a)
{
	vector_for_each (&a->slots.slots, s)
		if (is_root(*s))
			exclusions_forgive(c, control_of_slot(*s));
	vector_for_each (&a->slots.slots, s)
		goal_retry(*s);
	vector_for_each (&a->retired, unit)
		unit_retry(*unit);
	place_wait_wake(c->place, a->ticket);
	mark_application(a, APPLICATION_PLACE);
}

/* "edge-node-3: store" for each zhost that cannot be reached just now. */
static char *unreachable_notice(const struct control_application *a)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64 * 1024);
	vector_for_each (&a->slots.slots, s) {
		const struct slot_control *sc = control_of_slot(*s);
		if (slot_zhost(sc) != NULL && sc->lost)
			(void)buffer_printf(&b, "%s%s on %s", b.size > 0 ? ", " : "",
					    (*s)->path, slot_zhost(sc)->name);
	}
	if (b.size == 0)
		return NULL;
	return str_printf("counted as unloaded; will be stopped when the zhost returns: %s",
			  b.data);
}

/* A stop aborts it; the next start leads to what has completed, if anything has. NULL: nothing is lost. The caller frees. */
static char *aborted_notice(const struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	if (r == NULL || a->application.completed == 0 ||
	    r->target->number == a->application.completed)
		return NULL;
	const char *what = r->target->record->what;
	return str_printf("revision %u (%s), which has not completed, is aborted: topo start "
			  "starts revision %u; what is to stay has to be asked for again",
			  r->target->number, what != NULL ? what : "submit",
			  a->application.completed);
}

static char *stop_notice(const struct control_application *a)
{
	CLEANUP(freep) char *unreachable = unreachable_notice(a);
	CLEANUP(freep) char *aborted = aborted_notice(a);
	if (unreachable == NULL || aborted == NULL)
		return steal_ptr(aborted != NULL ? &aborted : &unreachable);
	return str_printf("%s; %s", unreachable, aborted);
}

/* An exclusive copy may still be running on a silent zhost: once the application is forgotten, its
 * successor would not wait for it. */
static int check_ended(const struct control *c, const struct control_application *a,
		       struct error **err)
{
	vector_for_each (&a->retired, unit)
		vector_for_each (&(*unit)->placement.copies, item) {
			const struct slot_copy *copy = *item;
			int64_t left_ms = copy->ends_by_ms - c->now.mono_ms;
			if (left_ms > 0 && copy->exclusive)
				return error_set(
					err, ERR_CONFLICT,
					"cannot remove %s: its exclusive instance %s may still "
					"be running on a zhost that cannot be reached; try "
					"again in %lld s",
					a->name, copy->slot->path,
					(long long)left_ms / 1000 + 1);
		}
	return 0;
}

static int remove_application(struct control *c, struct control_application *a, bool data,
			      struct error **err)
{
	size_t left = a->slots.not_gone + copies_unloading(a);
	if (left > 0 && a->state == TOPOLOGY_STOPPED)
		return error_set(err, ERR_CONFLICT,
				 "%s is still unloading (%zu instance%s left); try again in a "
				 "moment",
				 a->name, left, str_plural(left));
	if (left > 0)
		return error_set(err, ERR_CONFLICT,
				 "cannot remove %s: it is %s with %zu instance%s not unloaded; "
				 "stop it first",
				 a->name, topology_state_name(a->state), left,
				 str_plural(left));
	int r = check_ended(c, a, err);
	if (r < 0)
		return r;
	if (data) {
		vector_push(&c->emitter.outbox->data_forget, mem_strdup(a->name));
		forget_data(c, a->name);
	}
	remains_note(c, a);
	emit_event(&c->emitter, "topology", a->name, topology_state_name(a->state), NULL, a->id,
		   data ? "removed with its data" : "removed");
	application_remove(c, a);
	return 0;
}

/* Also where only members have to go: its own revision declares them, so they would stay. */
static bool is_outdated(const struct slot_control *root, const struct revision *served)
{
	return root->of_path->serving != NULL && revision_declares(served, root->slot) &&
	       unit_change(root, served) != UNIT_STAYS;
}

/* A stop has aborted the rollout, and a copy of its version unloads: what is wanted again is what is served, in a
 * new copy [change.rollout.stop] [change.submit.start]. */
static void leave_outdated(struct control *c, const struct control_application *a,
			   struct slot_control *root)
{
	if (a->rollout == NULL && root->slot->goal == GOAL_NOT_DEPLOYED &&
	    is_outdated(root, a->application.served))
		unit_unload(c, root, "unloads in the background");
}

static int grouped(struct control *c, struct control_application *a,
		   const struct control_input *input, enum grouped_action action,
		   const char *what, struct error **err)
{
	struct slot *root = NULL;
	if (input->topology.path != NULL) {
		root = application_served_slot(a, input->topology.path, err);
		if (root == NULL)
			return ERR_NOT_FOUND;
	}
	if (action == GROUPED_DEPLOY_ALL || action == GROUPED_START_ALL)
		vector_for_each (&a->slots.slots, s)
			if (is_root(*s) && (root == NULL || *s == root->root))
				exclusions_forgive(c, control_of_slot(*s));
	for_each_root (a, one)
		if (action == GROUPED_DEPLOY_ALL && (root == NULL || one->slot == root))
			leave_outdated(c, a, one);
	if (root == NULL) {
		a->starts_each = action == GROUPED_DEPLOY_ALL || action == GROUPED_START_ALL;
		mark_application(a, APPLICATION_RECORD | APPLICATION_STATE);
	}
	CLEANUP(freep) char *cause = by_actor(c, what);
	return grouped_request(&a->slots, root, action, cause, err);
}

static int stop(struct control *c, struct control_application *a,
		const struct control_input *input, struct error **err)
{
	/* Before: what has left in a return does not stay for a former set. */
	kept_set_end(c, a, "the topology is stopped");
	rollout_drop(c, a, "aborted");
	/* Asked for, so it counts as stopped even if it never was started. */
	a->ever_started = true;
	mark_application(a, APPLICATION_STATE);
	return grouped(c, a, input, GROUPED_UNDEPLOY_ALL, "stopped", err);
}

/* None has completed, and the newest one was aborted by the stop [change.submit.completes]. */
static void switch_to(struct control *c, struct control_application *a, struct revision *newest)
{
	if (newest->topology == NULL) {
		CLEANUP(topology_unrefp) struct topology *topology = NULL;
		if (topology_compile(newest->record->topology, NULL, NULL, NULL, &topology,
				     NULL) < 0)
			IMPOSSIBLE("it was accepted");
		application_open_revision(a, c->place, newest, topology);
	}
	application_switch(c, a, newest);
}

static int start(struct control *c, struct control_application *a,
		 const struct control_input *input, struct error **err)
{
	struct revision *newest = application_revision(&a->application, a->application.newest);
	if (a->rollout == NULL && a->application.completed == 0 &&
	    a->application.served != newest && is_stopped(a))
		switch_to(c, a, newest);
	start_again(c, a);
	return grouped(c, a, input, GROUPED_DEPLOY_ALL, "started", err);
}

static int act(struct control *c, struct control_application *a,
	       const struct control_input *input, struct error **err)
{
	switch (input->topology.action) {
	case TOPOLOGY_START:
		return start(c, a, input, err);
	case TOPOLOGY_STOP:
		return stop(c, a, input, err);
	case TOPOLOGY_RECOVER:
		recover(c, a);
		return 0;
	case TOPOLOGY_REMOVE:
		return remove_application(c, a, input->topology.data, err);
	case TOPOLOGY_DEPLOY_ALL:
		return grouped(c, a, input, GROUPED_DEPLOY_ALL, "deployed and started", err);
	case TOPOLOGY_START_ALL:
		return grouped(c, a, input, GROUPED_START_ALL, "started", err);
	case TOPOLOGY_STOP_ALL:
		return grouped(c, a, input, GROUPED_STOP_ALL, "stopped", err);
	case TOPOLOGY_UNDEPLOY_ALL:
		return grouped(c, a, input, GROUPED_UNDEPLOY_ALL, "undeployed", err);
	}
	IMPOSSIBLE("no such action");
}

void request_topology(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct control_application *a = NULL;
	CLEANUP(freep) char *notice = NULL;
	CLEANUP(freep) char *id = mem_strdup(input->topology.id);
	if (find_application(c, id, &a, &err) >= 0) {
		if (input->topology.action == TOPOLOGY_STOP)
			notice = stop_notice(a);
		(void)act(c, a, input, &err);
	}
	emit_reply(&c->emitter, input->request, err, id, input->topology.path,
		   err == NULL ? notice : NULL);
}

/* ---- one instance ---- */

static const char *verb_of(enum instance_goal from, enum instance_goal to)
{
	switch (to) {
	case GOAL_DEPLOYED_STARTED:
		return "started";
	case GOAL_DEPLOYED_STOPPED:
		return from == GOAL_NOT_DEPLOYED ? "deployed" : "stopped";
	case GOAL_NOT_DEPLOYED:
		return "undeployed";
	}
	IMPOSSIBLE("no such goal");
}

static int set_goal(struct control *c, struct control_application *a,
		    const struct control_input *input, struct error **err)
{
	enum instance_goal goal;
	struct slot *s = application_served_slot(a, input->goal.path, err);
	if (s == NULL)
		return ERR_NOT_FOUND;
	if (goal_parse(input->goal.goal, &goal) < 0)
		return error_set(
			err, ERR_INVALID,
			"'%s' cannot be a goal: ask for deployed-started, deployed-stopped "
			"or not-deployed",
			input->goal.goal != NULL ? input->goal.goal : "");
	if (input->goal.is_stop_command && s->goal == GOAL_NOT_DEPLOYED)
		return error_set(err, ERR_CONFLICT, "cannot stop %s: it is not deployed",
				 input->goal.path);
	int r = goal_check(s, goal, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *cause = by_actor(c, verb_of(s->goal, goal));
	if (goal == GOAL_DEPLOYED_STARTED)
		exclusions_forgive(c, control_of_slot(s->root));
	if (goal != GOAL_NOT_DEPLOYED && is_root(s))
		leave_outdated(c, a, control_of_slot(s));
	goal_request(s, goal, cause);
	return 0;
}

void request_goal(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct control_application *a = NULL;
	if (find_application(c, input->goal.id, &a, &err) >= 0)
		(void)set_goal(c, a, input, &err);
	emit_reply(&c->emitter, input->request, err, input->goal.id, input->goal.path, NULL);
}
