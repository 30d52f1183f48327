#include "core/control/requests.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/deployments.h"
#include "core/control/dry_run.h"
#include "core/control/exclusions.h"
#include "core/control/forget.h"
#include "core/control/record_writer.h"
#include "core/control/state.h"
#include "core/lifecycle/goal.h"
#include "schema/message.h"

static char *by_actor(const struct control *c, const char *what)
{
	return str_printf("%s by %s", what, c->actor);
}

static int find_deployment(struct control *c, const char *id, struct deployment **ret,
			   struct error **err)
{
	*ret = deployment_find(&c->deployments, id);
	if (*ret == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	return 0;
}

/* ---- submit ---- */

static int check_name(struct control *c, const char *name, struct error **err)
{
	const struct deployment *d = deployment_by_name(&c->deployments, name);
	if (d == NULL || d->state == TOPOLOGY_STOPPED)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "topology %s is %s (%s): stop it first; replacing a topology while it "
			 "runs is not "
			 "possible yet",
			 name, topology_state_name(d->state), d->id);
}

void request_submit(struct control *c, const struct control_input *input)
{
	const struct control_submit *s = &input->submit;
	struct error *err = NULL;
	if (check_name(c, s->topology->name, &err) < 0) {
		emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
		return;
	}
	if (s->dry_run) {
		emit_view(&c->emitter, input->request, &dry_run_view(c, s)->base);
		return;
	}
	PRE(deployment_find(&c->deployments, s->id) == NULL);
	Samoza__V1__TopologyRecord *record =
		(Samoza__V1__TopologyRecord *)schema_message_copy(&s->record->base);
	schema_set_string(&record->id, NULL, s->id);
	schema_set_string(&record->name, NULL, s->topology->name);
	schema_set_string(&record->state, NULL, topology_state_name(TOPOLOGY_PENDING));
	record->sequence = c->next_sequence++;
	record->created_ms = record->updated_ms = c->now.wall_ms;
	struct deployment *d = deployment_add(c, record, s->topology);
	c->count.submits++;
	mark_deployment(d, DEPLOYMENT_RECORD);
	CLEANUP(freep)
	char *cause = by_actor(c, s->start ? "submitted" : "submitted without start");
	emit_event(&c->emitter, "topology", d->name, NULL, topology_state_name(d->state), d->id,
		   cause);
	if (s->start) {
		CLEANUP(freep) char *started = by_actor(c, "submitted");
		if (grouped_request(&d->slots, NULL, GROUPED_DEPLOY_ALL, started, NULL) < 0)
			IMPOSSIBLE("a whole topology has no parent that refuses");
		d->ever_started = true;
	}
	emit_reply(&c->emitter, input->request, NULL, d->id, NULL, NULL);
}

/* ---- whole topologies ---- */

static int check_startable(const struct control *c, const struct deployment *d,
			   struct error **err)
{
	const struct deployment *holder = deployment_name_holder(d);
	if (d->state != TOPOLOGY_STOPPED || holder == NULL)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "%s cannot be started: another topology (%s, %s) has taken the name",
			 d->name, holder->id, topology_state_name(holder->state));
}

static bool is_root(const struct slot *s)
{
	return s->parent == NULL;
}

/* What is still being unloaded leaves first, and is then placed again. */
static void start_again(struct control *c, struct deployment *d)
{
	d->was_running = d->was_running && d->state != TOPOLOGY_STOPPED;
	vector_for_each (&d->slots.slots, s) {
		if (!is_root(*s))
			continue;
		exclusions_forgive(c, copy_of(*s));
		if ((*s)->goal == GOAL_NOT_DEPLOYED && copy_is_placed(copy_of(*s))) {
			(*s)->moving = true;
			mark_copy(copy_of(*s), COPY_RECORD);
		}
	}
	mark_deployment(d, DEPLOYMENT_PLACE);
}

static void recover(struct control *c, struct deployment *d)
{
	vector_for_each (&d->slots.slots, s)
		if (is_root(*s))
			exclusions_forgive(c, copy_of(*s));
	vector_for_each (&d->slots.slots, s)
		goal_retry(*s);
	place_wait_wake(c->place, d->place);
	mark_deployment(d, DEPLOYMENT_PLACE);
}

/* "edge-node-3: store" for each zhost that cannot be reached just now. */
static char *unreachable_notice(const struct deployment *d)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64 * 1024);
	vector_for_each (&d->slots.slots, s) {
		const struct copy *copy = copy_of(*s);
		if (copy->zhost != NULL && copy->zhost_lost)
			(void)buffer_printf(&b, "%s%s on %s", b.size > 0 ? ", " : "",
					    (*s)->path, copy->zhost->name);
	}
	if (b.size == 0)
		return NULL;
	return str_printf("counted as unloaded, and told to stop when its zhost returns: %s",
			  b.data);
}

/* An exclusive copy may still be running on a silent zhost: once the deployment is forgotten, its
 * successor would not wait for it. */
static int check_ended(const struct control *c, const struct deployment *d, struct error **err)
{
	vector_for_each (&d->slots.slots, s) {
		int64_t left_ms = copy_of(*s)->may_run_at_ms - c->now.mono_ms;
		if (left_ms > 0 && slot_declared_space(*s)->exclusive)
			return error_set(
				err, ERR_CONFLICT,
				"cannot remove %s: its exclusive instance %s may still be "
				"running on a silent zhost; try again in %lld s",
				d->name, (*s)->path, (long long)left_ms / 1000 + 1);
	}
	return 0;
}

static int forget(struct control *c, struct deployment *d, bool data, struct error **err)
{
	if (d->slots.not_gone > 0 && d->state == TOPOLOGY_STOPPED)
		return error_set(err, ERR_CONFLICT,
				 "%s is still unloading (%u instance%s left); try again in a "
				 "moment",
				 d->name, d->slots.not_gone, d->slots.not_gone == 1 ? "" : "s");
	if (d->slots.not_gone > 0)
		return error_set(err, ERR_CONFLICT,
				 "cannot remove %s: it is %s with %u instance%s not unloaded; "
				 "stop it first",
				 d->name, topology_state_name(d->state), d->slots.not_gone,
				 d->slots.not_gone == 1 ? "" : "s");
	int r = check_ended(c, d, err);
	if (r < 0)
		return r;
	const struct deployment *other = deployment_by_name(&c->deployments, d->name);
	if (data && other != NULL && other != d && other->state != TOPOLOGY_STOPPED)
		return error_set(
			err, ERR_CONFLICT,
			"the data of %s belongs to the running topology %s of that name",
			d->name, other->id);
	if (data) {
		vector_push(&c->emitter.outbox->data_forget, mem_strdup(d->name));
		forget_data(c, d->name);
	}
	emit_event(&c->emitter, "topology", d->name, topology_state_name(d->state), NULL, d->id,
		   data ? "removed with its data" : "removed");
	records_delete(c, d);
	deployment_dissolve(c, d);
	return 0;
}

static int grouped(struct control *c, struct deployment *d, const struct control_input *input,
		   enum grouped_action action, const char *what, struct error **err)
{
	struct slot *root = NULL;
	if (input->topology.path != NULL) {
		root = deployment_find_slot(d, input->topology.path, err);
		if (root == NULL)
			return ERR_NOT_FOUND;
	}
	bool starts = action == GROUPED_DEPLOY_ALL || action == GROUPED_START_ALL;
	int r = starts ? check_startable(c, d, err) : 0;
	if (r < 0)
		return r;
	if (starts)
		vector_for_each (&d->slots.slots, s)
			if (is_root(*s) && (root == NULL || *s == root->root))
				exclusions_forgive(c, copy_of(*s));
	CLEANUP(freep) char *cause = by_actor(c, what);
	return grouped_request(&d->slots, root, action, cause, err);
}

static int stop(struct control *c, struct deployment *d, const struct control_input *input,
		struct error **err)
{
	/* Asked for, so it counts as stopped even if it never was started. */
	d->ever_started = true;
	mark_deployment(d, DEPLOYMENT_STATE);
	return grouped(c, d, input, GROUPED_UNDEPLOY_ALL, "stopped", err);
}

static int start(struct control *c, struct deployment *d, const struct control_input *input,
		 struct error **err)
{
	int r = check_startable(c, d, err);
	if (r < 0)
		return r;
	start_again(c, d);
	return grouped(c, d, input, GROUPED_DEPLOY_ALL, "started", err);
}

static int act(struct control *c, struct deployment *d, const struct control_input *input,
	       struct error **err)
{
	switch (input->topology.action) {
	case TOPOLOGY_START:
		return start(c, d, input, err);
	case TOPOLOGY_STOP:
		return stop(c, d, input, err);
	case TOPOLOGY_RECOVER:
		recover(c, d);
		return 0;
	case TOPOLOGY_REMOVE:
		return forget(c, d, input->topology.data, err);
	case TOPOLOGY_DEPLOY_ALL:
		return grouped(c, d, input, GROUPED_DEPLOY_ALL, "deployed and started", err);
	case TOPOLOGY_START_ALL:
		return grouped(c, d, input, GROUPED_START_ALL, "started", err);
	case TOPOLOGY_STOP_ALL:
		return grouped(c, d, input, GROUPED_STOP_ALL, "stopped", err);
	case TOPOLOGY_UNDEPLOY_ALL:
		return grouped(c, d, input, GROUPED_UNDEPLOY_ALL, "undeployed", err);
	}
	IMPOSSIBLE("no such action");
}

void request_topology(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct deployment *d = NULL;
	CLEANUP(freep) char *notice = NULL;
	CLEANUP(freep) char *id = mem_strdup(input->topology.id);
	if (find_deployment(c, id, &d, &err) >= 0) {
		if (input->topology.action == TOPOLOGY_STOP)
			notice = unreachable_notice(d);
		(void)act(c, d, input, &err);
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

static int set_goal(struct control *c, struct deployment *d, const struct control_input *input,
		    struct error **err)
{
	enum instance_goal goal;
	struct slot *s = deployment_find_slot(d, input->goal.path, err);
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
	if (r >= 0 && goal != GOAL_NOT_DEPLOYED)
		r = check_startable(c, d, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *cause = by_actor(c, verb_of(s->goal, goal));
	if (goal == GOAL_DEPLOYED_STARTED)
		exclusions_forgive(c, copy_of(s->root));
	goal_request(s, goal, cause);
	return 0;
}

void request_goal(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct deployment *d = NULL;
	if (find_deployment(c, input->goal.id, &d, &err) >= 0)
		(void)set_goal(c, d, input, &err);
	emit_reply(&c->emitter, input->request, err, input->goal.id, input->goal.path, NULL);
}
