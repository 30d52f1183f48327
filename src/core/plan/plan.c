#include "core/plan/plan.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "core/application/rollout.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/drain.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/state.h"
#include "core/plan/ideal_zhost.h"
#include "core/plan/plan_view.h"
#include "model/compile.h"
#include "model/rollout.h"
#include "schema/message.h"

/* Of an application that is new: it is seen by nobody. */
#define PLAN_ID	     "00000000-0000-4000-8000-000000000000"
#define PLAN_REQUEST 1

struct plan {
	const struct plan_request *request;
	struct control *control;
	struct ideal_zhosts *zhosts;
	struct outbox outbox;
	struct instant now;
	int64_t ended_ms; /* what follows is not part of it */
	struct plan_writer writer;
	size_t inputs;
	Samoza__V1__RevisionRecord *before; /* what runs before; NULL: nothing */
	struct error *refusal;
};

/* ---- steps ---- */

static void take_reply(struct plan *p, struct reply *reply)
{
	if (reply->request != PLAN_REQUEST || reply->code == 0)
		return;
	if (reply->error != NULL)
		p->refusal = steal_ptr(&reply->error);
	else
		(void)error_set(&p->refusal, (enum error_code)reply->code, "%s",
				reply->message != NULL ? reply->message : "refused");
}

/* Ends a batch, and delivers what it says: at once, since nothing has to be made durable. */
static void flush(struct plan *p)
{
	control_flush(p->control, p->now, &p->outbox);
	vector_for_each (&p->outbox.events, event)
		plan_write_event(&p->writer, p->control, p->now.mono_ms, *event);
	vector_for_each (&p->outbox.messages, message)
		ideal_zhosts_take(p->zhosts, p->now.mono_ms, message);
	vector_for_each (&p->outbox.replies, reply)
		take_reply(p, reply);
	outbox_clear(&p->outbox);
}

static void advance_to(struct plan *p, int64_t mono_ms)
{
	p->now.wall_ms += mono_ms - p->now.mono_ms;
	p->now.mono_ms = mono_ms;
}

/* False: nothing will ever happen. */
static bool step(struct plan *p)
{
	const struct control_input tick = {.type = CONTROL_TICK};
	int64_t core = control_next_ms(p->control);
	int64_t zhosts = ideal_zhosts_next_ms(p->zhosts);
	int64_t next = core < zhosts ? core : zhosts;
	if (next == NEVER_MS)
		return false;
	if (next > p->now.mono_ms)
		advance_to(p, next);
	p->inputs += ideal_zhosts_run(p->zhosts, p->now, &p->outbox);
	if (control_next_ms(p->control) <= p->now.mono_ms) {
		control_handle(p->control, p->now, &tick, &p->outbox);
		p->inputs++;
	}
	flush(p);
	return true;
}

/* ---- the request ---- */

static struct control_application *application_of_plan(const struct plan *p)
{
	return application_by_name(&p->control->applications,
				   p->request->record->topology->metadata->name);
}

static void hand_over(struct plan *p, struct control_input *input)
{
	input->request = PLAN_REQUEST;
	input->actor = p->request->actor;
	input->principal = p->request->principal;
	control_handle(p->control, p->now, input, &p->outbox);
	p->inputs++;
}

static int ask(struct plan *p, struct control_input *input, struct error **err)
{
	hand_over(p, input);
	flush(p);
	if (p->refusal == NULL)
		return 0;
	int code = p->refusal->code;
	*err = steal_ptr(&p->refusal);
	return code;
}

static int ask_submit(struct plan *p, struct error **err)
{
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	const struct control_application *a = application_of_plan(p);
	int r = topology_compile(p->request->record->topology, NULL, NULL, NULL, &topology,
				 err);
	if (r < 0)
		return r;
	if (a != NULL && a->application.served != NULL)
		p->before = (Samoza__V1__RevisionRecord *)schema_message_copy(
			&a->application.served->record->base);
	struct control_input input = {.type = CONTROL_SUBMIT,
				      .submit = {.id = PLAN_ID,
						 .topology = topology,
						 .record = p->request->record,
						 .options = p->request->options,
						 .kept = p->request->kept}};
	input.submit.options.start = true;
	input.submit.options.dry_run = false;
	return ask(p, &input, err);
}

static int ask_drain(struct plan *p, struct error **err)
{
	struct control_input input = {.type = CONTROL_ZHOST,
				      .zhost = {.name = p->request->zhost,
						.action = ZHOST_DRAIN,
						.deadline_ms = p->request->deadline_ms,
						.force = p->request->force}};
	return ask(p, &input, err);
}

static struct control_input rebalance_input(const struct plan_request *request)
{
	return (struct control_input){.type = CONTROL_REBALANCE,
				      .rebalance = {.max_moves = request->max_moves,
						    .include = request->include,
						    .include_count = request->include_count}};
}

static int ask_rebalance(struct plan *p, struct error **err)
{
	struct control_input input = rebalance_input(p->request);
	return ask(p, &input, err);
}

/* ---- its end ---- */

static bool is_settled(const struct control_application *a)
{
	if (a->rollout != NULL || a->handovers.count > 0 || a->leaving > 0)
		return false;
	vector_for_each (&a->retired, unit)
		if (!(*unit)->lost)
			return false;
	vector_for_each (&a->slots.slots, s)
		if (state_is_transitive((*s)->state) ||
		    ((*s)->goal == GOAL_DEPLOYED_STARTED && !slot_is_optional(*s) &&
		     (*s)->state != STATE_DEPLOYED_STARTED))
			return false;
	return true;
}

static bool is_done(const struct plan *p)
{
	if (p->request->kind == PLAN_SUBMIT) {
		const struct control_application *a = application_of_plan(p);
		return a == NULL || is_settled(a);
	}
	if (p->request->kind == PLAN_REBALANCE)
		return p->control->rebalance->state == REBALANCE_DONE;
	const struct control_zhost *z = zhost_find(&p->control->zhosts, p->request->zhost);
	if (z == NULL || z->drain == NULL || drain_is_active(z->drain))
		return false;
	return z->first_copy == NULL || z->drain->state == DRAIN_ENDED;
}

/* What is left waits for something that does not come by itself. */
static bool is_quiet(const struct plan *p)
{
	return ideal_zhosts_are_idle(p->zhosts) && !control_is_busy(p->control, p->now, NULL) &&
	       p->control->dirty.to_place.count == 0;
}

/* What has begun may end, once the request is done. */
#define AFTERWARDS_MS (INT64_C(10) * 60 * 1000)

static const char *run(struct plan *p, const struct plan_limits *limits)
{
	int64_t last_ms = p->now.mono_ms + limits->virtual_ms;
	/* Heartbeats bring what was waited for: one of each zhost is heard before that counts as all. */
	int64_t quiet_since_ms = NEVER_MS, done_ms = NEVER_MS;
	for (;;) {
		if (!is_done(p))
			done_ms = NEVER_MS;
		else if (is_quiet(p) ||
			 (done_ms != NEVER_MS && p->now.mono_ms - done_ms > AFTERWARDS_MS))
			return "completed";
		else if (done_ms == NEVER_MS)
			done_ms = p->now.mono_ms;
		if (!is_quiet(p))
			quiet_since_ms = NEVER_MS;
		else if (quiet_since_ms == NEVER_MS)
			quiet_since_ms = p->now.mono_ms;
		else if (p->now.mono_ms - quiet_since_ms > 2 * p->control->config.heartbeat_ms)
			return "waiting";
		if (p->inputs >= limits->inputs || p->now.mono_ms > last_ms)
			return "unfinished";
		if (!step(p))
			return is_done(p) ? "completed" : "waiting";
	}
}

static const char *run_to_end(struct plan *p, const struct plan_limits *limits)
{
	const char *end = run(p, limits);
	p->ended_ms = p->now.mono_ms;
	return end;
}

static bool waits_for_promotion(const struct plan *p)
{
	const struct control_application *a = application_of_plan(p);
	return a != NULL && a->rollout != NULL && a->rollout->rollout.state == ROLLOUT_WAITING;
}

/* [change.rollout.canary] What stops first has its turn when all steps were promoted: no move of the plan, but what it
 * is to the spaces has to be known before the first step. */
static void promote_all(struct plan *p, const struct plan_limits *limits)
{
	plan_write_promotion(&p->writer);
	while (waits_for_promotion(p)) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct control_input promote = {.type = CONTROL_ROLLOUT,
						.rollout = {.id = application_of_plan(p)->id,
							    .command = ROLLOUT_PROMOTE}};
		if (ask(p, &promote, &err) < 0)
			return;
		(void)run(p, limits);
	}
}

/* ---- the answer ---- */

static void describe_wait(const struct plan *p, const struct control_application *a)
{
	Samoza__V1__PlanView *view = p->writer.view;
	Samoza__V1__TopologyView *v = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (control_view_topology(p->control, a->id, &v, &err) < 0)
		return;
	if (v->rollout != NULL && v->rollout->detail != NULL)
		view->detail = mem_strdup(v->rollout->detail);
	else if (a->rollout != NULL)
		view->detail = str_printf("the rollout is %s",
					  rollout_state_name(a->rollout->rollout.state));
	else if (v->failure_reason != NULL)
		view->detail = mem_strdup(v->failure_reason);
	samoza__v1__topology_view__free_unpacked(v, NULL);
}

static void write_submission(struct plan *p, bool is_unchanged, bool was_running,
			     const char *policy)
{
	Samoza__V1__PlanView *view = p->writer.view;
	const struct control_application *a = application_of_plan(p);
	const struct revision *newest =
		application_revision(&a->application, a->application.newest);
	view->to_version = mem_strdup(newest->record->version);
	view->policy = mem_strdup(policy);
	if (p->before != NULL)
		view->from_version = mem_strdup(p->before->version);
	view->action = mem_strdup(p->before == NULL		? "create"
				  : is_unchanged && was_running ? "none"
				  : was_running			? "update"
								: "start");
	view->changes = !str_equal(view->action, "none");
	plan_write_verdicts(&p->writer, a, p->before, newest->record);
	view->n_values = revision_values_diff(p->before, newest->record, &view->values);
	if (!str_equal(view->end, "completed"))
		describe_wait(p, a);
	plan_write_unplaced(&p->writer, p->control, a);
}

static int plan_submission(struct plan *p, const struct plan_limits *limits, struct error **err)
{
	const struct control_application *a = application_of_plan(p);
	uint32_t newest = a != NULL ? a->application.newest : 0;
	bool was_running = a != NULL && a->ever_started && a->state != TOPOLOGY_STOPPED;
	int r = ask_submit(p, err);
	if (r < 0)
		return r;
	a = application_of_plan(p);
	bool is_unchanged = a->application.newest == newest;
	CLEANUP(freep)
	char *policy =
		a->rollout != NULL && !is_unchanged
			? mem_strdup(rollout_policy_name(a->rollout->rollout.spec.policy))
			: NULL;
	bool runs = !is_unchanged || !was_running;
	p->writer.view->end = mem_strdup(runs ? run_to_end(p, limits) : "completed");
	write_submission(p, is_unchanged, was_running, policy);
	if (waits_for_promotion(p) && str_equal(p->writer.view->end, "waiting")) {
		promote_all(p, limits);
		plan_write_later(&p->writer, application_of_plan(p));
	}
	return 0;
}

static int plan_drain(struct plan *p, const struct plan_limits *limits, struct error **err)
{
	Samoza__V1__PlanView *view = p->writer.view;
	int r = ask_drain(p, err);
	if (r < 0)
		return r;
	const struct control_zhost *z = zhost_find(&p->control->zhosts, p->request->zhost);
	bool holds = z->first_copy != NULL;
	const char *end = run_to_end(p, limits);
	view->action = mem_strdup("drain");
	view->changes = holds;
	view->end = mem_strdup(end);
	plan_write_touched(&p->writer, p->control);
	for (size_t k = 0; z->drain != NULL && k < z->drain->left.count; k++)
		plan_write_left(&p->writer, z->drain->left.items[k].name,
				z->drain->left.items[k].why);
	if (z->drain != NULL && view->n_left > 0)
		view->detail = str_printf("%zu of what is there cannot leave", view->n_left);
	return 0;
}

static int plan_rebalance(struct plan *p, const struct plan_limits *limits, struct error **err)
{
	Samoza__V1__PlanView *view = p->writer.view;
	int r = ask_rebalance(p, err);
	if (r < 0)
		return r;
	const struct rebalance *rebalance = p->control->rebalance;
	view->action = mem_strdup("rebalance");
	view->changes = rebalance->state != REBALANCE_DONE;
	view->end = mem_strdup(run_to_end(p, limits));
	plan_write_touched(&p->writer, p->control);
	vector_for_each (&rebalance->moves, m) {
		const struct control_application *a =
			application_by_id(&p->control->applications, m->application);
		CLEANUP(freep)
		char *name = str_printf("%s/%s", a != NULL ? a->name : m->application, m->path);
		if (m->why != NULL)
			plan_write_left(&p->writer, name, m->why);
	}
	if (view->n_left > 0)
		view->detail = str_printf("%zu would be better off elsewhere, and %s",
					  view->n_left, view->n_left == 1 ? "stays" : "stay");
	return 0;
}

static const char *subject_of(const struct plan_request *request)
{
	switch (request->kind) {
	case PLAN_SUBMIT:
		return request->record->topology->metadata->name;
	case PLAN_DRAIN:
		return request->zhost;
	case PLAN_REBALANCE:
		break;
	}
	return "cluster";
}

static int plan_request(struct plan *p, const struct plan_limits *limits, struct error **err)
{
	switch (p->request->kind) {
	case PLAN_SUBMIT:
		return plan_submission(p, limits, err);
	case PLAN_DRAIN:
		return plan_drain(p, limits, err);
	case PLAN_REBALANCE:
		break;
	}
	return plan_rebalance(p, limits, err);
}

int plan_make(const Samoza__V1__Checkpoint *from, const struct plan_request *request,
	      const struct plan_limits *limits, Samoza__V1__PlanView **ret_plan,
	      struct error **err)
{
	struct plan p = {.request = request,
			 .now = {.mono_ms = from->now_ms, .wall_ms = from->wall_ms},
			 .ended_ms = from->now_ms};
	int r = checkpoint_load(from, &p.control, err);
	if (r < 0)
		return r;
	p.control->config.has_empty_tables = true;
	outbox_init(&p.outbox);
	p.zhosts = ideal_zhosts_new(p.control, &limits->times, p.now.mono_ms);
	plan_writer_init(&p.writer, p.control, subject_of(request));
	r = plan_request(&p, limits, err);
	if (r >= 0) {
		p.writer.view->virtual_ms = (uint64_t)(p.ended_ms - from->now_ms);
		*ret_plan = steal_ptr(&p.writer.view);
	}
	plan_writer_done(&p.writer);
	schema_message_free(p.before != NULL ? &p.before->base : NULL);
	ideal_zhosts_free(p.zhosts);
	control_free(p.control);
	outbox_done(&p.outbox);
	return r;
}

/* Before the flush: none of them has begun. */
static Samoza__V1__RebalanceRecord *chosen(const struct control *c)
{
	Samoza__V1__RebalanceRecord record;
	rebalance_fill_record(c->rebalance, &record);
	Samoza__V1__RebalanceRecord *copy =
		(Samoza__V1__RebalanceRecord *)schema_message_copy(&record.base);
	free(record.moves[0]);
	free(record.moves);
	return copy;
}

int plan_choose(const Samoza__V1__Checkpoint *from, const struct plan_request *request,
		Samoza__V1__RebalanceRecord **ret_chosen, struct error **err)
{
	struct plan p = {.request = request,
			 .now = {.mono_ms = from->now_ms, .wall_ms = from->wall_ms}};
	struct control_input input = rebalance_input(request);
	PRE(request->kind == PLAN_REBALANCE);
	int r = checkpoint_load(from, &p.control, err);
	if (r < 0)
		return r;
	outbox_init(&p.outbox);
	hand_over(&p, &input);
	vector_for_each (&p.outbox.replies, reply)
		take_reply(&p, reply);
	if (p.refusal == NULL) {
		*ret_chosen = chosen(p.control);
	} else {
		r = p.refusal->code;
		*err = steal_ptr(&p.refusal);
	}
	control_free(p.control);
	outbox_done(&p.outbox);
	return r;
}
