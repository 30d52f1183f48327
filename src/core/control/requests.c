/*
 * What people and programs ask of topologies and instances. Each request is refused with a
 * reason, or its goals are set; the answer goes out when they are durable.
 */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/calendar.h"
#include "core/control/cluster.h"
#include "schema/message.h"

static char *by_actor(const struct control *c, const char *what)
{
	return str_printf("%s by %s", what, c->actor);
}

static int find_deployment(struct control *c, const char *id, struct deployment **ret,
			   struct error **err)
{
	*ret = deployment_find(c, id);
	if (*ret == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s; see: zshell topo list",
				 id);
	return 0;
}

/* ---- submit ---- */

static int check_name(struct control *c, const char *name, struct error **err)
{
	const struct deployment *d = deployment_by_name(c, name);
	if (d == NULL || d->state == TOPOLOGY_STOPPED)
		return 0;
	return error_set(
		err, ERR_CONFLICT,
		"topology %s is %s (%s): stop it first (zshell topo stop %s); replacing a "
		"topology while it runs is not possible yet",
		name, topology_state_name(d->state), d->id, name);
}

/* Where everything would go if it were submitted now, or why not. */
static Samoza__V1__TopologyView *dry_run(struct control *c, const struct control_submit *s)
{
	struct topology *t = s->topology;
	Samoza__V1__TopologyView *v = (Samoza__V1__TopologyView *)schema_message_new(
		&samoza__v1__topology_view__descriptor);
	VECTOR(struct place_unit_request) wants = {0};
	struct place_result result;
	uint32_t handle = place_topology_add(c->place, t, UINT64_MAX);
	CLEANUP(freep) uint32_t *units = mem_new_array(uint32_t, t->instance_count);
	place_units_new(c->place, handle, units);
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count)
		vector_add(&wants)->unit = units[k];
	place_try(c->place,
		  &(struct place_request){.mode = PLACE_TOGETHER,
					  .units = wants.items,
					  .unit_count = wants.count,
					  .dry_run = true},
		  &result);
	v->id = mem_strdup("");
	v->name = mem_strdup(t->name);
	v->version = mem_strdup(s->record->version);
	v->state = mem_strdup(topology_state_name(TOPOLOGY_PENDING));
	v->spaces = t->instance_count;
	v->created = calendar_text(c->now.wall_ms);
	v->updated = calendar_text(c->now.wall_ms);
	v->notice = mem_strdup("dry run: nothing was changed");
	v->placements = mem_new_array(Samoza__V1__PlacementView *, t->instance_count);
	const char *zhost = NULL;
	for (uint32_t k = 0, root = 0; k < t->instance_count; k++) {
		if (t->instances[k].parent < 0) {
			uint32_t at = result.complete ? result.zhosts[root] : PLACE_NONE;
			zhost = at != PLACE_NONE ? place_zhost_name(c->place, at) : NULL;
			root++;
		}
		Samoza__V1__PlacementView *p = (Samoza__V1__PlacementView *)schema_message_new(
			&samoza__v1__placement_view__descriptor);
		p->space = mem_strdup(t->instances[k].path);
		p->zhost = mem_strdup(zhost);
		p->state = mem_strdup(state_name(STATE_NOT_DEPLOYED));
		v->placements[v->n_placements++] = p;
	}
	if (!result.complete) {
		v->failure_reason = place_reason_text(&result.reason);
		if (result.reason.change != NULL) {
			free(v->notice);
			v->notice =
				str_printf("dry run: nothing was changed; it would fit with %s",
					   result.reason.change);
		}
	}
	place_result_done(&result);
	vector_done(&wants);
	for (uint32_t k = 0; k < t->instance_count; k++)
		place_unit_free(c->place, units[k]);
	place_topology_remove(c->place, handle);
	return v;
}

void request_submit(struct control *c, const struct control_input *input)
{
	const struct control_submit *s = &input->submit;
	struct error *err = NULL;
	if (check_name(c, s->topology->name, &err) < 0) {
		emit_reply(c, input->request, err, NULL, NULL, NULL);
		return;
	}
	if (s->dry_run) {
		emit_reply(c, input->request, NULL, NULL, NULL, NULL);
		if (input->request != 0)
			vector_last(&c->outbox->replies)->view = &dry_run(c, s)->base;
		return;
	}
	PRE(deployment_find(c, s->id) == NULL);
	Samoza__V1__TopologyRecord *record =
		(Samoza__V1__TopologyRecord *)schema_message_copy(&s->record->base);
	schema_set_string(&record->id, NULL, s->id);
	schema_set_string(&record->name, NULL, s->topology->name);
	schema_set_string(&record->state, NULL, topology_state_name(TOPOLOGY_PENDING));
	record->sequence = c->next_sequence++;
	record->created_ms = record->updated_ms = c->now.wall_ms;
	struct deployment *d = deployment_add(c, record, s->topology);
	c->count.submits++;
	deployment_mark_record(d);
	mark_meta(c);
	CLEANUP(freep)
	char *cause = by_actor(c, s->start ? "submitted" : "submitted without start");
	emit_event(c, "topology", d->name, NULL, topology_state_name(d->state), d->id, cause);
	if (s->start) {
		CLEANUP(freep) char *started = by_actor(c, "submitted");
		if (group_request(d->app, NULL, GROUP_DEPLOY_ALL, started, NULL) < 0)
			IMPOSSIBLE("nobody's parent refuses on a whole topology");
		d->ever_started = true;
	}
	emit_reply(c, input->request, NULL, d->id, NULL, NULL);
}

/* ---- whole topologies ---- */

static int check_startable(const struct deployment *d, struct error **err)
{
	const struct deployment *holder = deployment_name_holder(d);
	if (d->state != TOPOLOGY_STOPPED || holder == NULL)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "%s cannot be started: another topology (%s, %s) has taken the name",
			 d->name, holder->id, topology_state_name(holder->state));
}

#define for_each_root(d, root)                                                  \
	for (struct instance *root = (d)->app->instances,                       \
			     *end_ = root + (d)->app->topology->instance_count; \
	     root < end_; root += instance_decl(root)->subtree_count)

/* What is still being unloaded leaves first, and is then placed afresh. */
static void start_afresh(struct deployment *d)
{
	d->was_running = d->was_running && d->state != TOPOLOGY_STOPPED;
	for_each_root (d, root) {
		exclusions_forgive(root);
		if (root->goal == GOAL_NOT_DEPLOYED && instance_is_placed(root)) {
			root->evacuating = true;
			mark_instance(root, MARK_RECORD);
		}
	}
	deployment_mark_place(d);
}

static void recover(struct deployment *d)
{
	for_each_root (d, root)
		exclusions_forgive(root);
	for (uint32_t k = 0; k < d->app->topology->instance_count; k++)
		goal_retry(&d->app->instances[k]);
	place_wait_wake(d->control->place, d->place);
	deployment_mark_place(d);
}

/* "edge-node-3: store" for each zhost that cannot be reached just now. */
static char *unreachable_notice(const struct deployment *d)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64 * 1024);
	for (uint32_t k = 0; k < d->app->topology->instance_count; k++) {
		const struct instance *i = &d->app->instances[k];
		const struct zhost *z = i->zhost;
		if (z != NULL && i->lost)
			(void)buffer_printf(&b, "%s%s on %s", b.size > 0 ? ", " : "",
					    instance_decl(i)->path, z->name);
	}
	if (b.size == 0)
		return NULL;
	return str_printf("counted as unloaded, and told to stop when its zhost returns: %s",
			  b.data);
}

static int forget(struct deployment *d, bool data, struct error **err)
{
	struct control *c = d->control;
	if (d->app->not_gone > 0 && d->state == TOPOLOGY_STOPPED)
		return error_set(err, ERR_CONFLICT,
				 "%s is still unloading (%u instance%s left); try again in a "
				 "moment",
				 d->name, d->app->not_gone, d->app->not_gone == 1 ? "" : "s");
	if (d->app->not_gone > 0)
		return error_set(
			err, ERR_CONFLICT,
			"%s is %s and %u of its instances are not unloaded: stop it first "
			"(zshell topo stop %s)",
			d->name, topology_state_name(d->state), d->app->not_gone, d->name);
	const struct deployment *other = deployment_by_name(c, d->name);
	if (data && other != NULL && other != d && other->state != TOPOLOGY_STOPPED)
		return error_set(
			err, ERR_CONFLICT,
			"the data of %s belongs to the running topology %s of that name",
			d->name, other->id);
	if (data) {
		vector_push(&c->outbox->data_forget, mem_strdup(d->name));
		forget_data(c, d->name);
	}
	emit_event(c, "topology", d->name, topology_state_name(d->state), NULL, d->id,
		   data ? "removed with its data" : "removed");
	for (uint32_t k = 0; k < d->app->topology->instance_count; k++)
		*vector_add(&c->outbox->records) = (struct record_change){
			.kind = RECORD_INSTANCE,
			.id = str_printf("%s/%s", d->id, d->app->topology->instances[k].path)};
	*vector_add(&c->outbox->records) =
		(struct record_change){.kind = RECORD_TOPOLOGY, .id = mem_strdup(d->id)};
	deployment_forget(d);
	return 0;
}

static int group(struct deployment *d, const struct control_input *input,
		 enum group_action action, const char *what, struct error **err)
{
	struct control *c = d->control;
	struct instance *root = NULL;
	if (input->topology.path != NULL) {
		root = request_find(d, input->topology.path, err);
		if (root == NULL)
			return ERR_NOT_FOUND;
	}
	bool starts = action == GROUP_DEPLOY_ALL || action == GROUP_START_ALL;
	int r = starts ? check_startable(d, err) : 0;
	if (r < 0)
		return r;
	if (starts)
		for_each_root (d, r0)
			if (root == NULL || r0 == instance_root(root))
				exclusions_forgive(r0);
	CLEANUP(freep) char *cause = by_actor(c, what);
	return group_request(d->app, root, action, cause, err);
}

static int stop(struct deployment *d, const struct control_input *input, struct error **err)
{
	/* Asked for, so it counts as stopped even if it never was started. */
	d->ever_started = true;
	deployment_mark_state(d);
	return group(d, input, GROUP_UNDEPLOY_ALL, "stopped", err);
}

static int start(struct deployment *d, const struct control_input *input, struct error **err)
{
	int r = check_startable(d, err);
	if (r < 0)
		return r;
	start_afresh(d);
	return group(d, input, GROUP_DEPLOY_ALL, "started", err);
}

static int act(struct deployment *d, const struct control_input *input, struct error **err)
{
	switch (input->topology.action) {
	case TOPOLOGY_START:
		return start(d, input, err);
	case TOPOLOGY_STOP:
		return stop(d, input, err);
	case TOPOLOGY_RECOVER:
		recover(d);
		return 0;
	case TOPOLOGY_REMOVE:
		return forget(d, input->topology.data, err);
	case TOPOLOGY_DEPLOY_ALL:
		return group(d, input, GROUP_DEPLOY_ALL, "deployed and started", err);
	case TOPOLOGY_START_ALL:
		return group(d, input, GROUP_START_ALL, "started", err);
	case TOPOLOGY_STOP_ALL:
		return group(d, input, GROUP_STOP_ALL, "stopped", err);
	case TOPOLOGY_UNDEPLOY_ALL:
		return group(d, input, GROUP_UNDEPLOY_ALL, "undeployed", err);
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
		(void)act(d, input, &err);
	}
	emit_reply(c, input->request, err, id, input->topology.path,
		   err == NULL ? notice : NULL);
}

/* ---- one instance ---- */

struct instance *request_find(struct deployment *d, const char *path, struct error **err)
{
	int index = topology_find_instance(d->app->topology, path);
	if (index < 0) {
		(void)error_set(err, ERR_NOT_FOUND, "no instance %s/%s", d->name, path);
		return NULL;
	}
	return &d->app->instances[index];
}

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

static int set_goal(struct deployment *d, const struct control_input *input, struct error **err)
{
	struct control *c = d->control;
	enum instance_goal goal;
	struct instance *i = request_find(d, input->goal.path, err);
	if (i == NULL)
		return ERR_NOT_FOUND;
	if (goal_parse(input->goal.goal, &goal) < 0)
		return error_set(
			err, ERR_INVALID,
			"'%s' cannot be a goal: ask for deployed-started, deployed-stopped "
			"or not-deployed",
			input->goal.goal != NULL ? input->goal.goal : "");
	if (input->goal.is_stop_command && i->goal == GOAL_NOT_DEPLOYED)
		return error_set(
			err, ERR_CONFLICT,
			"%s is not deployed, there is nothing to stop; to deploy it: zshell "
			"spaces deploy %s/%s",
			input->goal.path, d->name, input->goal.path);
	int r = goal_check(i, goal, err);
	if (r >= 0 && goal != GOAL_NOT_DEPLOYED)
		r = check_startable(d, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *cause = by_actor(c, verb_of(i->goal, goal));
	if (goal == GOAL_DEPLOYED_STARTED)
		exclusions_forgive(instance_root(i));
	goal_request(i, goal, cause);
	return 0;
}

void request_goal(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct deployment *d = NULL;
	if (find_deployment(c, input->goal.id, &d, &err) >= 0)
		(void)set_goal(d, input, &err);
	emit_reply(c, input->request, err, input->goal.id, input->goal.path, NULL);
}
