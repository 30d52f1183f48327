/* Steps that do: submit, goal, bulk, fail, unhealthy, kill, finish, slow, zhost, zrms, stall, settings, advance,
 * settle, topology. */

#include "zsim/scenario/steps.h"

#include "base/check.h"
#include "base/str.h"
#include "core/application/rollout.h"
#include "model/quantity.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "zsim/scenario/expect.h"
#include "zsim/scenario/files.h"
#include "zsim/scenario/joins.h"
#include "zsim/scenario/machines.h"
#include "zsim/scenario/packages.h"
#include "zsim/scenario/scenario.h"
#include "zsim/scenario/secrets.h"
#include "zsim/scenario/sign_ins.h"
#include "zsim/scenario/signers.h"
#include "zsim/scenario/step_run.h"
#include "zsim/world/client.h"
#include "zsim/world/controller.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* ---- topologies ---- */

static void do_submit(struct step_run *run, const Samoza__V1__SubmitStep *step)
{
	size_t index = 0;
	if (!package_find(run->scenario, step, &index)) {
		step_fail(run, "the file has no topology '%s'%s%s", step->name,
			  step->version != NULL ? " " : "",
			  step->version != NULL ? step->version : "");
		return;
	}
	CLEANUP(freep) char *refusal = NULL;
	struct package package;
	if (!package_make(run->scenario, index, step, run->world->control, &package,
			  &refusal)) {
		step_judge(run, step->error, refusal);
		return;
	}
	CLEANUP(freep) char *id = world_uuid(run->world, package.topology->name);
	signers_sign(package.record, step->signer);
	struct control_input input = {
		.type = CONTROL_SUBMIT,
		.submit = {.id = id,
			   .topology = package.topology,
			   .record = package.record,
			   .kept = package.kept,
			   .options = {.start = step->start,
				       .resets = step->reset_values,
				       .downgrades = step->allow_downgrade,
				       .no_surge = step->no_surge}},
	};
	step_ask(run, &input, step->error);
	package_done(&package);
}

/* step_find(); where there is nothing of that name, that is the answer. */
static bool find_or_judge(struct step_run *run, const char *name, const char *expected,
			  const char **ret_id, const char **ret_path)
{
	CLEANUP(freep) char *refusal = NULL;
	if (step_find(run, name, ret_id, ret_path, &refusal))
		return true;
	if (refusal != NULL)
		step_judge(run, expected, refusal);
	return false;
}

static void do_goal(struct step_run *run, const Samoza__V1__GoalStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->space, step->error, &id, &path))
		return;
	struct control_input input = {
		.type = CONTROL_GOAL,
		.goal = {.id = id, .path = path, .goal = step->to},
	};
	step_ask(run, &input, step->error);
}

static void do_move(struct step_run *run, const Samoza__V1__MoveStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->space, step->error, &id, &path))
		return;
	struct control_input input = {
		.type = CONTROL_MOVE,
		.move = {.id = id, .path = path, .zhost = step->to},
	};
	step_ask(run, &input, step->error);
}

static void do_rollout(struct step_run *run, const Samoza__V1__RolloutStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->topology, step->error, &id, &path))
		return;
	struct control_input input = {
		.type = CONTROL_ROLLOUT,
		.rollout = {.id = id, .command = (int)step->do_},
	};
	step_ask(run, &input, step->error);
}

static void do_rollback(struct step_run *run, const Samoza__V1__RollbackStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->topology, step->error, &id, &path))
		return;
	struct control_input input = {
		.type = CONTROL_ROLLBACK,
		.rollback = {.id = id, .to = step->to},
	};
	step_ask(run, &input, step->error);
}

static void do_scale(struct step_run *run, const Samoza__V1__ScaleStep *step)
{
	const char *id = NULL, *path = NULL;
	CLEANUP(freep) char *counts = NULL;
	if (!find_or_judge(run, step->topology, step->error, &id, &path))
		return;
	for (size_t k = 0; k < step->n_spaces; k++) {
		char *longer = str_printf("%s%s%s=%u", counts != NULL ? counts : "",
					  counts != NULL ? "," : "", step->spaces[k]->key,
					  step->spaces[k]->value);
		free(counts);
		counts = longer;
	}
	struct control_input input = {
		.type = CONTROL_SCALE,
		.scale = {.id = id, .counts = counts},
	};
	step_ask(run, &input, step->error);
}

static void do_rebalance(struct step_run *run, const Samoza__V1__RebalanceStep *step)
{
	struct control_input input = {
		.type = CONTROL_REBALANCE,
		.rebalance = {.max_moves = step->max_moves,
			      .include = step->include,
			      .include_count = step->n_include,
			      .stop = step->stop},
	};
	step_ask(run, &input, step->error);
}

/* The core decides whether and where; what runs there is no part of the simulation. */
static void do_exec(struct step_run *run, const Samoza__V1__ExecStep *step)
{
	const char *id = NULL, *path = NULL;
	struct control_exec found;
	CLEANUP(error_freep) struct error *err = NULL;
	if (!find_or_judge(run, step->space, step->error, &id, &path))
		return;
	int r = control_exec_find(run->world->control, id, path, &found, &err);
	if (r == 0 && step->on != NULL && !str_equal(found.zhost, step->on))
		step_fail(run, "%s: a command runs on %s, not on %s", step->space, found.zhost,
			  step->on);
	struct control_input input = {
		.type = CONTROL_EXEC,
		.exec = {.id = id, .path = path, .program = "true"},
	};
	step_ask(run, &input, step->error);
}

static const struct {
	const char *name;
	enum topology_action action;
} bulk_actions[] = {
	{"deploy-all", TOPOLOGY_DEPLOY_ALL},
	{"start-all", TOPOLOGY_START_ALL},
	{"stop-all", TOPOLOGY_STOP_ALL},
	{"undeploy-all", TOPOLOGY_UNDEPLOY_ALL},
};

static void do_bulk(struct step_run *run, const Samoza__V1__BulkStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->topology, step->error, &id, &path))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bulk_actions); i++) {
		if (strcmp(bulk_actions[i].name, step->action) != 0)
			continue;
		struct control_input input = {
			.type = CONTROL_TOPOLOGY,
			.topology = {.id = id,
				     .action = bulk_actions[i].action,
				     .path = step->path},
		};
		step_ask(run, &input, step->error);
		return;
	}
	CLEANUP(freep)
	char *unknown =
		str_printf("invalid grouped operation '%s': expected deploy-all, start-all, "
			   "stop-all or undeploy-all",
			   step->action);
	step_judge(run, step->error, unknown);
}

static void do_topology(struct step_run *run, const Samoza__V1__TopologyStep *step)
{
	const char *id = NULL, *path = NULL;
	if (!find_or_judge(run, step->name, step->error, &id, &path))
		return;
	static const enum topology_action actions[] = {
		[SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_START] = TOPOLOGY_START,
		[SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_STOP] = TOPOLOGY_STOP,
		[SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_RECOVER] = TOPOLOGY_RECOVER,
		[SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_REMOVE] = TOPOLOGY_REMOVE,
	};
	struct control_input input = {
		.type = CONTROL_TOPOLOGY,
		.topology = {.id = id, .action = actions[step->do_], .data = step->data},
	};
	step_ask(run, &input, step->error);
}

/* ---- trouble ---- */

static void do_fail(struct step_run *run, const Samoza__V1__FailStep *step)
{
	*vector_add(&run->world->failures) = (struct planned_failure){
		.name = mem_strdup(step->space),
		.action = (enum agent_action)step->action,
		.times = step->times,
		.version = mem_strdup(step->version),
		.unreached = step->unreached,
		.settings = step->settings,
	};
}

static void do_unhealthy(struct step_run *run, const Samoza__V1__UnhealthyStep *step)
{
	uint64_t ms = 0;
	if (step->for_ != NULL && duration_parse(step->for_, &ms, NULL) < 0)
		IMPOSSIBLE("the duration was checked when the file was read");
	int64_t until_ms = step->for_ != NULL ? run->world->now_ms + (int64_t)ms : NEVER_MS;
	machine_add_illness(run->world, step->space, step->version, until_ms);
}

static void end_process(struct step_run *run, const char *space, enum process_end end)
{
	struct sim_process *found = NULL;
	struct sim_machine *where = NULL;
	vector_for_each (&run->world->machines, n)
		for (struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (strcmp(p->name, space) == 0 && p->started &&
			    (found == NULL || p->epoch > found->epoch)) {
				found = p;
				where = *n;
			}
	if (found == NULL) {
		step_fail(run, "no process of %s is running", space);
		return;
	}
	machine_process_dies(run->world, where, found, end,
			     end == PROCESS_EXITED ? PROCESS_EXITED_ERROR
						   : "killed by signal 9");
}

static void set_duration(int64_t *ret_ms, const char *text)
{
	uint64_t ms = 0;
	if (text == NULL)
		return;
	if (duration_parse(text, &ms, NULL) < 0)
		IMPOSSIBLE("the duration was checked when the file was read");
	*ret_ms = (int64_t)ms;
}

static void do_slow(struct step_run *run, const Samoza__V1__SlowStep *step)
{
	if (step->zhost == NULL) {
		if (step->by != NULL)
			step_fail(run, "'by' is of a zhost: name it");
		set_duration(&run->world->zrms_disk_delay_ms, step->disk);
		return;
	}
	struct sim_machine *n = machine_find(run->world, step->zhost);
	if (n == NULL) {
		step_fail(run, "there is no machine %s", step->zhost);
		return;
	}
	if (step->by != NULL)
		set_duration(&n->frame_delay_ms, step->by);
	if (step->disk != NULL)
		set_duration(&n->disk_delay_ms, step->disk);
}

/* Whether zrms takes the zhost that has just begun, if the step expects an answer. */
static void judge_hello(struct step_run *run, const Samoza__V1__ZhostStep *step,
			struct sim_machine *n)
{
	if (step->error == NULL)
		return;
	world_drain(run->world);
	step_judge(run, step->error, n->refusal);
}

static void begin_zhost(struct step_run *run, const Samoza__V1__ZhostStep *step,
			struct sim_machine *n)
{
	free(steal_ptr(&n->refusal));
	for (size_t k = 0; k < step->n_labels; k++) {
		const char *value = step->labels[k]->value;
		machine_label(n, step->labels[k]->key, str_is_empty(value) ? NULL : value);
	}
	if (step->n_devices > 0)
		machine_offer(n, step->devices, step->n_devices);
	if (step->n_offers > 0)
		machine_offer_capabilities(n, step->offers, step->n_offers);
	if (step->cpu != NULL)
		schema_set_string(&n->spec->cpu, NULL, step->cpu);
	if (step->memory != NULL)
		schema_set_string(&n->spec->memory, NULL, step->memory);
	if (step->has_protocol)
		n->protocol = step->protocol;
	machine_start(run->world, n);
	judge_hello(run, step, n);
}

static void add_zhost(struct step_run *run, const Samoza__V1__ZhostStep *step)
{
	/* The fields of both messages have the same numbers. */
	size_t size = samoza__v1__zhost_step__get_packed_size(step);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__zhost_step__pack(step, data);
	ProtobufCMessage *whole = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (schema_message_unpack(&samoza__v1__zhost_spec__descriptor, data, size, &whole,
				  &err) < 0) {
		step_fail(run, "%s", err->message);
		return;
	}
	ProtobufCMessage *spec = schema_message_copy(whole); /* without the unknown fields */
	schema_message_free(whole);
	zhost_fill_machine((Samoza__V1__ZhostSpec *)spec);
	struct zhost_spec compiled;
	if (zhost_spec_compile((Samoza__V1__ZhostSpec *)spec, "zhost", NULL, NULL, &compiled,
			       &err) < 0) {
		step_judge(run, step->error, err->message);
	} else {
		zhost_spec_done(&compiled);
		struct sim_machine *n = machine_add(run->world, (Samoza__V1__ZhostSpec *)spec);
		if (step->has_protocol)
			n->protocol = step->protocol;
		judge_hello(run, step, n);
	}
	schema_message_free(spec);
}

static void ask_zhost(struct step_run *run, const Samoza__V1__ZhostStep *step,
		      enum zhost_action action)
{
	uint64_t ms = 0;
	if (step->deadline != NULL && duration_parse(step->deadline, &ms, NULL) < 0)
		IMPOSSIBLE("the duration was checked when the file was read");
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = step->name,
			  .action = action,
			  .deadline_ms = (int64_t)ms,
			  .force = step->force},
	};
	step_ask(run, &input, step->error);
}

static void do_machine(struct step_run *run, const Samoza__V1__ZhostStep *step,
		       struct sim_machine *n)
{
	struct world *w = run->world;
	switch (step->do_) {
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_KILL:
		if (n->powered)
			machine_kill(w, n);
		else
			step_fail(run, "%s is already dead", n->name);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_START:
		if (n->agent == NULL)
			begin_zhost(run, step, n);
		else
			step_fail(run, "%s is already running", n->name);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_RESTART:
		machine_stop_agent(w, n);
		world_drain(w);
		begin_zhost(run, step, n);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_PARTITION:
		machine_partition(w, n);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_HEAL:
		machine_heal(w, n);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_SUSPEND:
		if (n->powered && !n->suspended)
			machine_suspend(w, n);
		else
			step_fail(run, "%s is already %s", n->name,
				  n->powered ? "suspended" : "dead");
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_RESUME:
		if (n->suspended)
			machine_resume(w, n);
		else
			step_fail(run, "%s is not suspended", n->name);
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_COPY:
		judge_hello(run, step, machine_add_copy(w, n));
		return;
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_REMOVE:
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_CORDON:
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_UNCORDON:
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_DRAIN:
	case SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_ADD:
	case _SAMOZA__V1__ZHOST_EVENT_IS_INT_SIZE:
		break;
	}
	IMPOSSIBLE("this does not happen to a machine");
}

static void do_zhost(struct step_run *run, const Samoza__V1__ZhostStep *step)
{
	if (step->do_ == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_ADD) {
		add_zhost(run, step);
	} else if (step->do_ == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_REMOVE) {
		ask_zhost(run, step, ZHOST_REMOVE);
	} else if (step->do_ == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_CORDON) {
		ask_zhost(run, step, ZHOST_CORDON);
	} else if (step->do_ == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_UNCORDON) {
		ask_zhost(run, step, ZHOST_UNCORDON);
	} else if (step->do_ == SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_DRAIN) {
		ask_zhost(run, step, ZHOST_DRAIN);
	} else {
		struct sim_machine *n = machine_find(run->world, step->name);
		if (n == NULL)
			step_fail(run, "there is no machine %s", step->name);
		else
			do_machine(run, step, n);
	}
}

static void do_zrms(struct step_run *run, Samoza__V1__ZrmsEvent event)
{
	bool runs = run->world->control != NULL;
	bool ends = event == SAMOZA__V1__ZRMS_EVENT__ZRMS_CRASH;
	if (event == SAMOZA__V1__ZRMS_EVENT__ZRMS_KEEP) {
		controller_keep_store(run->world);
		return;
	}
	if (runs != ends) {
		step_fail(run, runs ? "zrms is already running" : "zrms is not running");
		return;
	}
	if (ends) {
		controller_crash(run->world);
		return;
	}
	bool is_restored = event == SAMOZA__V1__ZRMS_EVENT__ZRMS_RESTORE;
	if (event != SAMOZA__V1__ZRMS_EVENT__ZRMS_START &&
	    !controller_swap_store(run->world, is_restored))
		step_fail(run, "no copy of the store of zrms was kept");
	else
		controller_start(run->world);
}

static void do_stall(struct step_run *run, const char *duration)
{
	int64_t ms = 0;
	set_duration(&ms, duration);
	if (run->world->control == NULL)
		step_fail(run, "zrms is not running");
	else
		controller_stall(run->world, ms);
}

static void do_settings(struct step_run *run, const Samoza__V1__SettingsStep *step)
{
	struct world_options *o = &run->world->options;
	set_duration(&o->heartbeat_ms, step->heartbeat);
	set_duration(&o->timeout_ms, step->timeout);
	set_duration(&o->check_ms, step->check);
	set_duration(&o->margin_ms, step->margin);
	set_duration(&o->on_disconnect_ms, step->on_disconnect);
	if (step->has_drain_units)
		o->drain_units = step->drain_units;
}

/* ---- time ---- */

static void do_settle(struct step_run *run)
{
	CLEANUP(freep) char *left = NULL;
	if (!world_settle(run->world, &left))
		step_fail(run, "expected to settle within an hour, seen in flight: %s", left);
}

static void do_advance(struct step_run *run, const char *duration)
{
	uint64_t ms = 0;
	if (duration_parse(duration, &ms, NULL) == 0)
		world_advance(run->world, (int64_t)ms);
	else
		IMPOSSIBLE("the duration was checked when the file was read");
}

void step_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	run->step = step;
	if (step->with_key != NULL)
		run->key = step->with_key;
	if (step->with_token != NULL)
		run->token = step->with_token;
	else if (step->submit != NULL)
		do_submit(run, step->submit);
	else if (step->goal != NULL)
		do_goal(run, step->goal);
	else if (step->move != NULL)
		do_move(run, step->move);
	else if (step->rollout != NULL)
		do_rollout(run, step->rollout);
	else if (step->scale != NULL)
		do_scale(run, step->scale);
	else if (step->rebalance != NULL)
		do_rebalance(run, step->rebalance);
	else if (step->rollback != NULL)
		do_rollback(run, step->rollback);
	else if (step->exec != NULL)
		do_exec(run, step->exec);
	else if (joins_do(run, step) || machines_do(run, step) || signers_do(run, step) ||
		 secrets_do(run, step) || sign_ins_do(run, step))
		return;
	else if (step->bulk != NULL)
		do_bulk(run, step->bulk);
	else if (step->fail != NULL)
		do_fail(run, step->fail);
	else if (step->unhealthy != NULL)
		do_unhealthy(run, step->unhealthy);
	else if (step->kill != NULL)
		end_process(run, step->kill->space, PROCESS_FAILED);
	else if (step->finish != NULL)
		end_process(run, step->finish->space, PROCESS_FINISHED);
	else if (step->exit != NULL)
		end_process(run, step->exit->space, PROCESS_EXITED);
	else if (step->slow != NULL)
		do_slow(run, step->slow);
	else if (step->zhost != NULL)
		do_zhost(run, step->zhost);
	else if (step->has_zrms)
		do_zrms(run, step->zrms);
	else if (step->stall != NULL)
		do_stall(run, step->stall);
	else if (step->settings != NULL)
		do_settings(run, step->settings);
	else if (step->topology != NULL)
		do_topology(run, step->topology);
	else if (step->advance != NULL)
		do_advance(run, step->advance);
	else if (step->expect != NULL)
		expect_states(run, step->expect);
	else if (step->reason != NULL)
		expect_reason(run, step->reason);
	else if (step->n_trace > 0)
		expect_trace(run, step);
	else if (step->n_order > 0)
		expect_order(run, step);
	else if (step->n_live > 0)
		expect_live(run, step);
	else if (step->n_knows > 0)
		expect_knows(run, step);
	else if (step->n_env > 0)
		expect_env(run, step);
	else if (step->n_away > 0)
		expect_away(run, step);
	else if (step->has_moves)
		expect_moves(run, step->moves);
	else if (step->settle)
		do_settle(run);
}
