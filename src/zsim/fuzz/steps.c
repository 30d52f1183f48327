/* What happens to the cluster: requests of people, faults, time. */

#include "zsim/fuzz/steps.h"

#include "base/check.h"
#include "base/str.h"
#include "core/application/rollout.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_audit.h"
#include "zsim/fuzz/check/check_machines.h"
#include "zsim/fuzz/check/check_order.h"
#include "zsim/fuzz/check/check_plan.h"
#include "zsim/fuzz/check/check_rebalances.h"
#include "zsim/fuzz/check/check_signers.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/draw/draw_data.h"
#include "zsim/fuzz/draw/draw_joins.h"
#include "zsim/fuzz/draw/draw_keys.h"
#include "zsim/fuzz/draw/draw_late.h"
#include "zsim/fuzz/draw/draw_leaders.h"
#include "zsim/fuzz/draw/draw_machines.h"
#include "zsim/fuzz/draw/draw_needs.h"
#include "zsim/fuzz/draw/draw_notices.h"
#include "zsim/fuzz/draw/draw_protocols.h"
#include "zsim/fuzz/draw/draw_rotation.h"
#include "zsim/fuzz/draw/draw_secrets.h"
#include "zsim/fuzz/draw/draw_sign_ins.h"
#include "zsim/fuzz/draw/draw_signers.h"
#include "zsim/fuzz/draw/draw_times.h"
#include "zsim/fuzz/draw/draw_values.h"
#include "zsim/fuzz/draw/draw_versions.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/client.h"
#include "zsim/world/controller.h"
#include "zsim/world/link.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* ---- requests ---- */

bool fuzz_ask(struct fuzz *f, struct control_input *input)
{
	struct answer a;
	bool was_there = f->world.control != NULL;
	uint64_t key = draw_keys_give(f, input);
	check_access_asked(f, input);
	check_machines_asked(f, input);
	check_plan_asked(f, input);
	if (key == 0 && draw_late_keeps(f, input)) {
		f->is_told = true;
		return false;
	}
	f->is_told = was_there && draws_percent(f, DRAW_CROWDS, 30);
	if (f->is_told) {
		world_log(&f->world, "  nobody waits for the answer");
		draws_happened(f, DRAW_CROWDS);
		client_tell(&f->world, input);
		return false;
	}
	if (was_there && draws_percent(f, DRAW_REPEATS, 10)) {
		world_log(&f->world, "  and once more");
		f->is_told = true;
		client_tell(&f->world, input);
	}
	was_there = f->world.control != NULL;
	uint64_t life = f->world.zrms_life; /* another one may lead before it answers */
	int64_t asked_ms = f->world.now_ms;
	client_ask(&f->world, input, &a);
	if (key == 0)
		check_audit_answered(f, &a);
	if (was_there && f->world.control != NULL && f->world.zrms_life == life &&
	    !a.answered && !leaders_were_cut(f, asked_ms))
		world_violate(&f->world, "a request was not answered");
	if (key != 0)
		draw_keys_again(f, key, input, &a);
	bool granted = a.answered && a.code >= 0;
	if (a.answered && a.code < 0 && str_is_empty(a.message))
		world_violate(&f->world, "a refusal without a message");
	if (a.answered && a.code < 0 && a.message != NULL && input->type == CONTROL_SUBMIT)
		check_signers_refused(
			f,
			input->submit.record->has_signer ? &input->submit.record->signer : NULL,
			input->submit.topology->name, a.message);
	if (a.answered && a.code < 0 && a.message != NULL && input->type == CONTROL_ROLLBACK)
		check_signers_rollback_refused(f, input->rollback.id, input->rollback.to,
					       a.message);
	world_log(&f->world, "  answer: %s%s%s",
		  !a.answered ? "none"
		  : granted   ? "granted"
			      : "refused: ",
		  a.message != NULL && granted ? ": " : "", a.message != NULL ? a.message : "");
	free(f->granted);
	f->granted = granted ? steal_ptr(&a.topology) : NULL;
	answer_done(&a);
	return granted;
}

static struct submitted *some_topology(struct fuzz *f)
{
	if (f->submitted.count == 0)
		return NULL;
	return &f->submitted.items[random_below(&f->random, (uint32_t)f->submitted.count)];
}

/* The caller frees: while it is asked, another version may be served. */
static char *some_path(struct fuzz *f, const struct submitted *s)
{
	unsigned index = random_below(&f->random, s->topology->instance_count);
	return mem_strdup(s->topology->instances[index].path);
}

/* The application of that name that is there; NULL. A further submission makes a revision of it. */
static struct submitted *kept_application(struct fuzz *f, const char *name)
{
	vector_for_each (&f->submitted, s)
		if (str_equal(s->name, name) &&
		    sim_disk_get(&f->world.disk, RECORD_APPLICATION, s->id) != NULL)
			return s;
	return NULL;
}

bool fuzz_submit(struct fuzz *f)
{
	uint32_t drawn = random_below(&f->random, (uint32_t)f->drawn.count);
	const Samoza__V1__Topology *message = f->drawn.items[drawn];
	/* The checks know one content of what runs. */
	if (f->variants.items[drawn] != NULL && !draws_have(f, DRAW_ROLLOUTS) &&
	    random_percent(draws_random(f, DRAW_CONTENTS), 50))
		message = f->variants.items[drawn];
	if (message != f->drawn.items[drawn])
		draws_happened(f, DRAW_CONTENTS);
	const struct submitted *there = kept_application(f, message->metadata->name);
	Samoza__V1__RevisionRecord *version =
		draws_have(f, DRAW_ROLLOUTS) ? draw_same_package(f, there) : NULL;
	if (version == NULL && draws_have(f, DRAW_ROLLOUTS))
		version = draw_version(f, message);
	bool resets = false;
	CLEANUP(freep)
	char *kept = version != NULL ? draw_values(f, there, version, &resets) : NULL;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	if (topology_compile(version != NULL ? version->topology : message, NULL, NULL, NULL,
			     &topology, NULL) < 0)
		IMPOSSIBLE("it was compiled when it was drawn");
	char *id = world_uuid(&f->world, message->metadata->name);
	struct submitted *s = kept_application(f, message->metadata->name);
	if (s == NULL) {
		s = vector_add(&f->submitted);
		*s = (struct submitted){.id = id, .name = message->metadata->name};
		if (each_compile(f, version != NULL ? version->topology : message,
				 &s->topology) < 0)
			IMPOSSIBLE("it was compiled when it was drawn");
	} else {
		free(id);
	}
	Samoza__V1__RevisionRecord plain = SAMOZA__V1__REVISION_RECORD__INIT;
	plain.application = (char *)"";
	CLEANUP(freep)
	char *digest = str_printf("%s %u", message->metadata->name,
				  message != f->drawn.items[drawn] ? 2u : 1u);
	plain.package_digest = digest;
	plain.topology = (Samoza__V1__Topology *)message;
	draw_signer(f, version != NULL ? version : &plain);
	bool start = random_percent(&f->random, 80);
	world_log(&f->world, "STEP submit %s%s", s->name, start ? "" : " without start");
	struct control_input input = {
		.type = CONTROL_SUBMIT,
		.submit = {.id = s->id,
			   .topology = topology,
			   .record = version != NULL ? version : &plain,
			   .kept = kept,
			   .options = {.start = start,
				       .resets = resets,
				       .no_surge = draws_percent(f, DRAW_NO_SURGE, 50)}},
	};
	if (input.submit.options.no_surge)
		draws_happened(f, DRAW_NO_SURGE);
	/* Another submission of the name that was under way may have made the application. */
	bool granted = fuzz_ask(f, &input);
	schema_message_free(version);
	free(plain.signer.data);
	if (!granted)
		return false;
	if (version != NULL)
		draws_happened(f, DRAW_ROLLOUTS);
	vector_for_each (&f->submitted, one)
		one->acknowledged |= str_equal(one->id, f->granted);
	return true;
}

static void set_goal(struct fuzz *f)
{
	static const char *const goals[] = {"deployed-started", "deployed-started",
					    "deployed-stopped", "not-deployed"};
	struct submitted *s = some_topology(f);
	if (s == NULL)
		return;
	CLEANUP(freep) char *path = some_path(f, s);
	const char *goal = goals[random_below(&f->random, ARRAY_SIZE(goals))];
	bool stops = strcmp(goal, "deployed-started") != 0;
	if (stops)
		check_order_forget(f, s, path);
	world_log(&f->world, "STEP goal %s/%s: %s", s->name, path, goal);
	struct control_input input = {
		.type = CONTROL_GOAL,
		.goal = {.id = s->id, .path = path, .goal = goal},
	};
	int64_t asked_ms = world_instant(&f->world).wall_ms;
	bool granted = fuzz_ask(f, &input);
	if (stops && f->is_told)
		check_order_unanswered(f, s, path);
	if (!granted || f->world.control == NULL)
		return;
	/* Acknowledged means durable. */
	const struct mirrored *m = mirror_find(f, s->id, path);
	static const char *const names[] = {"not-deployed", "deployed-stopped",
					    "deployed-started"};
	const char *kept = m != NULL && m->record != NULL ? names[m->record->goal] : names[0];
	/* It has gone with its zhost meanwhile. */
	bool is_gone = instance_path_is_each(path) && strcmp(kept, names[0]) == 0 &&
		       (m == NULL || m->record == NULL || m->record->goal_cause == NULL ||
			!str_has_suffix(m->record->goal_cause, " by operator"));
	/* Its process has ended well between the request and the answer: what had ended before was to start again. */
	bool has_finished = m != NULL && m->record != NULL && !stops &&
			    strcmp(kept, names[1]) == 0 && m->record->goal_ms >= asked_ms &&
			    str_equal(m->record->goal_cause, "finished by itself");
	if (strcmp(kept, goal) != 0 && !is_gone && !has_finished)
		world_violate(&f->world, "the goal %s of %s/%s was acknowledged, %s is kept",
			      goal, s->name, path, kept);
}

static void act_on_topology(struct fuzz *f)
{
	static const struct {
		const char *name;
		enum topology_action action;
	} actions[] = {
		{"start", TOPOLOGY_START},	     {"start", TOPOLOGY_START},
		{"deploy-all", TOPOLOGY_DEPLOY_ALL}, {"deploy-all", TOPOLOGY_DEPLOY_ALL},
		{"start-all", TOPOLOGY_START_ALL},   {"stop", TOPOLOGY_STOP},
		{"stop-all", TOPOLOGY_STOP_ALL},     {"undeploy-all", TOPOLOGY_UNDEPLOY_ALL},
		{"recover", TOPOLOGY_RECOVER},	     {"remove", TOPOLOGY_REMOVE},
	};
	struct submitted *s = some_topology(f);
	if (s == NULL)
		return;
	unsigned which = random_below(&f->random, ARRAY_SIZE(actions));
	enum topology_action action = actions[which].action;
	bool grouped = action != TOPOLOGY_START && action != TOPOLOGY_STOP &&
		       action != TOPOLOGY_RECOVER && action != TOPOLOGY_REMOVE;
	CLEANUP(freep)
	char *path = grouped && random_percent(&f->random, 50) ? some_path(f, s) : NULL;
	world_log(&f->world, "STEP %s %s%s%s", actions[which].name, s->name,
		  path != NULL ? "/" : "", path != NULL ? path : "");
	bool was_gone = s->may_be_gone;
	s->may_be_gone |= action == TOPOLOGY_REMOVE;
	struct control_input input = {
		.type = CONTROL_TOPOLOGY,
		.topology = {.id = s->id, .action = action, .path = path, .data = true},
	};
	bool stops = action == TOPOLOGY_STOP || action == TOPOLOGY_STOP_ALL ||
		     action == TOPOLOGY_UNDEPLOY_ALL;
	if (stops)
		check_order_ask(f, s, path);
	bool granted = fuzz_ask(f, &input);
	check_order_answered(f, granted);
	if (stops && !granted && f->is_told)
		check_order_forget(f, s, NULL);
	if (stops && path != NULL && f->is_told)
		check_order_unanswered(f, s, path);
	if (action == TOPOLOGY_REMOVE && !granted && !f->is_told && f->world.control != NULL)
		s->may_be_gone = was_gone;
}

/* Nobody waits for the answer of one that comes late. What it stops is in no order with what stops already. */
static void ask_late(struct fuzz *f)
{
	struct decoded_input *late = draw_late_next(f);
	if (late == NULL)
		return;
	struct control_input *input = &late->input;
	const char *id = input->type == CONTROL_TOPOLOGY ? input->topology.id
			 : input->type == CONTROL_GOAL	 ? input->goal.id
							 : "";
	const char *path = input->type == CONTROL_TOPOLOGY ? input->topology.path
			   : input->type == CONTROL_GOAL   ? input->goal.path
							   : NULL;
	struct submitted *s = fuzz_submitted(f, id);
	world_log(&f->world, "STEP one that is late%s%s%s%s", s != NULL ? ", of " : "",
		  s != NULL ? s->name : "", path != NULL ? "/" : "", path != NULL ? path : "");
	if (s != NULL)
		check_order_forget(f, s, path);
	if (s != NULL && path != NULL)
		check_order_unanswered(f, s, path);
	if (s != NULL && input->type == CONTROL_TOPOLOGY)
		s->may_be_gone |= input->topology.action == TOPOLOGY_REMOVE;
	client_tell(&f->world, input);
	draw_late_free(late);
}

/* ---- machines ---- */

static struct sim_machine *some_machine(struct fuzz *f)
{
	struct sim_machine *n =
		f->world.machines
			.items[random_below(&f->random, (uint32_t)f->world.machines.count)];
	return n->scrapped ? f->world.machines.items[0] : n;
}

static void ask_zhost(struct fuzz *f, enum zhost_action action, const char *what)
{
	struct sim_machine *n = some_machine(f);
	world_log(&f->world, "STEP %s %s", what, n->name);
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = n->name, .action = action},
	};
	(void)fuzz_ask(f, &input);
}

static void start_machine(struct fuzz *f, struct sim_machine *n)
{
	draw_labels(f, n);
	draw_less(f, n);
	draw_protocol(f, n);
	machine_start(&f->world, n);
}

static void trouble_machine(struct fuzz *f)
{
	struct world *w = &f->world;
	struct sim_machine *n = some_machine(f);
	if (n->suspended)
		return; /* draw_times.c */
	if (n->agent == NULL) {
		start_machine(f, n);
		return;
	}
	if (n->partitioned) {
		machine_heal(w, n);
		return;
	}
	switch (random_below(&f->random, 6)) {
	case 0:
		machine_kill(w, n);
		return;
	case 1:
		machine_partition(w, n);
		return;
	case 2:
		machine_partition_silently(w, n);
		return;
	case 3:
		machine_stop_agent(w, n);
		return;
	case 4:
		machine_stop_agent(w, n);
		world_drain(w);
		if (w->violation == NULL)
			start_machine(f, n);
		return;
	default:
		if (n->link_id != 0) {
			world_log(w, "the link of %s breaks", n->name);
			sim_link_break(w, n->link_id, true, true);
		}
		return;
	}
}

/* Once in a life. Zhosts of older protocols do not name their machine: those copies nobody can tell. */
static void copy_machine(struct fuzz *f)
{
	if (f->has_copy || draws_have(f, DRAW_PROTOCOLS) || !draws_percent(f, DRAW_COPIED, 5))
		return;
	struct random *r = draws_random(f, DRAW_COPIED);
	struct sim_machine *of =
		f->world.machines.items[random_below(r, (uint32_t)f->world.machines.count)];
	f->has_copy = true;
	draws_happened(f, DRAW_COPIED);
	(void)machine_add_copy(&f->world, of->is_made ? f->world.machines.items[0] : of);
}

/* The first one whose start has not ended; else `other`. */
static struct sim_process *one_that_starts(struct sim_machine *n, struct sim_process *other)
{
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (!p->started)
			return p;
	return other;
}

static void trouble_process(struct fuzz *f)
{
	struct sim_machine *n = some_machine(f);
	unsigned count = HASH_COUNT(n->processes);
	if (count == 0 || n->suspended)
		return;
	unsigned which = random_below(&f->random, count);
	struct sim_process *p = n->processes;
	while (which-- > 0)
		p = p->hh.next;
	enum process_end end = random_percent(&f->random, 20) && p->started ? PROCESS_FINISHED
									    : PROCESS_FAILED;
	if (draws_percent(f, DRAW_FINISHES, 50)) {
		p = one_that_starts(n, p);
		end = PROCESS_FINISHED;
		draws_happened(f, DRAW_FINISHES);
	}
	/* Zhosts of older protocols do not say in what way something ended. */
	if (!draws_have(f, DRAW_PROTOCOLS) && draws_percent(f, DRAW_EXITS, 70)) {
		end = PROCESS_EXITED;
		draws_happened(f, DRAW_EXITS);
	}
	machine_process_dies(&f->world, n, p, end,
			     end == PROCESS_EXITED ? PROCESS_EXITED_ERROR
						   : "killed by signal 9");
}

static void trouble_zrms(struct fuzz *f)
{
	if (f->world.control != NULL) {
		controller_crash(&f->world);
		return;
	}
	draw_settings(f);
	leaders_start_zrms(f);
}

/* zrms is out of reach, and most machines start while it is: each may be alone then. */
static void cut_power(struct fuzz *f)
{
	struct random *r = draws_random(f, DRAW_LOSS);
	if (!draws_percent(f, DRAW_LOSS, 4))
		return;
	world_log(&f->world, "STEP the power is off");
	if (f->world.control != NULL)
		controller_crash(&f->world);
	for (unsigned k = 0; k < 3 && f->world.violation == NULL; k++) {
		/* A driver may make one meanwhile. */
		for (size_t m = 0; m < f->world.machines.count; m++) {
			struct sim_machine *n = f->world.machines.items[m];
			if (n->suspended || n->scrapped || !random_percent(r, 60))
				continue;
			if (n->agent != NULL)
				(random_percent(r, 60) ? machine_kill
						       : machine_stop_agent)(&f->world, n);
			world_drain(&f->world);
			if (n->agent == NULL && f->world.violation == NULL)
				start_machine(f, n);
		}
		world_advance(&f->world, (int64_t)random_below(r, 90000));
	}
}

/* How bad it is from now on. */
static void change_weather(struct fuzz *f)
{
	static const uint32_t percents[] = {0, 0, 5, 30};
	struct random *r = &f->random;
	f->action_fails_percent = percents[random_below(r, ARRAY_SIZE(percents))];
	f->slow_frames_percent = percents[random_below(r, ARRAY_SIZE(percents))];
	f->slow_actions_percent = percents[random_below(r, ARRAY_SIZE(percents))];
	f->batch_percent = percents[random_below(r, ARRAY_SIZE(percents))];
	f->crash_permille = random_percent(r, 30) ? 10 : 0;
	f->zhost_crash_permille = random_percent(r, 30) ? 10 : 0;
	f->slow_commits_percent = percents[random_below(r, ARRAY_SIZE(percents))];
	f->commit_fails_permille = random_percent(r, 20) ? 10 : 0;
}

/* ---- time ---- */

static void pass_time(struct fuzz *f)
{
	static const int64_t most_ms[] = {200, 200, 2000, 2000, 15000, 60000, 300000};
	int64_t ms = (int64_t)random_below(
		&f->random, (uint32_t)most_ms[random_below(&f->random, ARRAY_SIZE(most_ms))]);
	world_log(&f->world, "STEP %lld ms pass", (long long)ms);
	world_advance(&f->world, ms);
}

/* ---- handovers ---- */

/* Refusals are fine: it is not placed, it is handed over already, there is no other place. */
static void move_some_unit(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_MOVES, 20))
		return;
	struct random *r = draws_random(f, DRAW_MOVES);
	if (f->submitted.count == 0 || f->world.violation != NULL || f->world.control == NULL)
		return;
	const struct submitted *s =
		&f->submitted.items[random_below(r, (uint32_t)f->submitted.count)];
	const struct topology *t = s->topology;
	CLEANUP(freep)
	char *path = mem_strdup(t->instances[random_below(r, t->instance_count)].path);
	const char *to = NULL;
	if (random_percent(r, 30))
		to = f->world.machines
			     .items[random_below(r, (uint32_t)f->world.machines.count)]
			     ->name;
	world_log(&f->world, "STEP move %s/%s%s%s", s->name, path, to != NULL ? " to " : "",
		  to != NULL ? to : "");
	struct control_input input = {
		.type = CONTROL_MOVE,
		.move = {.id = s->id, .path = path, .zhost = to},
	};
	if (fuzz_ask(f, &input))
		draws_happened(f, DRAW_MOVES);
}

bool fuzz_drain(struct fuzz *f, const char *zhost, int64_t deadline_ms, bool force)
{
	world_log(&f->world, "STEP drain %s%s%s", zhost,
		  deadline_ms > 0 ? " until a deadline" : "", force ? " with force" : "");
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = zhost,
			  .action = ZHOST_DRAIN,
			  .deadline_ms = deadline_ms,
			  .force = force},
	};
	bool granted = fuzz_ask(f, &input);
	if (granted)
		draws_happened(f, DRAW_DRAINS);
	return granted;
}

static void drain_some_zhost(struct fuzz *f)
{
	static const int64_t deadlines[] = {0, 5000, 60000, 1200000};
	if (!draws_percent(f, DRAW_DRAINS, 6))
		return;
	struct random *r = draws_random(f, DRAW_DRAINS);
	if (f->world.violation != NULL || f->world.control == NULL)
		return;
	uint32_t which = random_below(r, (uint32_t)f->world.machines.count);
	int64_t deadline_ms = deadlines[random_below(r, ARRAY_SIZE(deadlines))];
	(void)fuzz_drain(f, f->world.machines.items[which]->name, deadline_ms,
			 deadline_ms > 0 && random_percent(r, 30));
}

bool fuzz_rebalance(struct fuzz *f, uint32_t max_moves, char *include)
{
	world_log(&f->world, "STEP rebalance, at most %u moves, include %s", max_moves,
		  include != NULL ? include : "nothing");
	struct control_input input = {
		.type = CONTROL_REBALANCE,
		.rebalance = {.max_moves = max_moves,
			      .include = &include,
			      .include_count = include != NULL},
	};
	return fuzz_ask(f, &input);
}

/* Refused where none is running. */
static void stop_rebalance(struct fuzz *f)
{
	struct control_input input = {.type = CONTROL_REBALANCE, .rebalance = {.stop = true}};
	world_log(&f->world, "STEP stop the rebalance");
	(void)fuzz_ask(f, &input);
}

/* Refusals are fine: one is running, or the topology is gone. */
static void rebalance(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_REBALANCES, 8))
		return;
	struct random *r = draws_random(f, DRAW_REBALANCES);
	if (f->world.violation != NULL || f->world.control == NULL)
		return;
	if (random_percent(r, check_rebalance_waits(f) ? 70 : 20)) {
		stop_rebalance(f);
		return;
	}
	CLEANUP(freep) char *include = NULL;
	if (f->submitted.count > 0 && random_percent(r, 50)) {
		const struct submitted *s =
			&f->submitted.items[random_below(r, (uint32_t)f->submitted.count)];
		uint32_t space = random_below(r, s->topology->space_count);
		include = str_printf("%s/%s", s->name, s->topology->spaces[space].name);
	}
	(void)fuzz_rebalance(f, random_percent(r, 30) ? 1 + random_below(r, 3) : 0, include);
}

/* Refusals are fine: the count makes no sense together with the rest. */
static void scale(struct fuzz *f, const struct submitted *s)
{
	struct random *r = draws_random(f, DRAW_ROLLOUTS);
	uint32_t space = random_below(r, s->topology->space_count);
	CLEANUP(freep)
	char *counts =
		str_printf("%s=%u", s->topology->spaces[space].name, 1 + random_below(r, 4));
	struct control_input input = {.type = CONTROL_SCALE,
				      .scale = {.id = s->id, .counts = counts}};
	world_log(&f->world, "STEP scale %s %s", s->name, counts);
	(void)fuzz_ask(f, &input);
}

/* Beside the commands of a rollout. */
enum { ROLLBACK = ROLLOUT_RESUME + 1, SCALE };

/* Refusals are fine: there is no rollout, or it does not wait. */
static void ask_of_some_rollout(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_ROLLOUTS, 12))
		return;
	struct random *r = draws_random(f, DRAW_ROLLOUTS);
	if (f->submitted.count == 0 || f->world.violation != NULL || f->world.control == NULL)
		return;
	const struct submitted *s =
		&f->submitted.items[random_below(r, (uint32_t)f->submitted.count)];
	static const uint32_t commands[] = {ROLLOUT_PROMOTE, ROLLOUT_PROMOTE, ROLLOUT_PROMOTE,
					    ROLLOUT_ABORT,   ROLLOUT_PAUSE,   ROLLOUT_RESUME,
					    ROLLBACK,	     SCALE,	      SCALE};
	uint32_t what = commands[random_below(r, ARRAY_SIZE(commands))];
	struct control_input input = {.type = CONTROL_ROLLBACK, .rollback = {.id = s->id}};
	if (what == SCALE) {
		scale(f, s);
		return;
	}
	if (what != ROLLBACK)
		input = (struct control_input){
			.type = CONTROL_ROLLOUT,
			.rollout = {.id = s->id, .command = (int)what},
		};
	world_log(&f->world, "STEP %s %s",
		  what != ROLLBACK ? rollout_command_name((enum rollout_command)what)
				   : "rollback",
		  s->name);
	(void)fuzz_ask(f, &input);
}

void fuzz_step(struct fuzz *f)
{
	unsigned draw = random_below(&f->random, 100);
	if (draw < 40)
		pass_time(f);
	else if (draw < 48)
		(void)fuzz_submit(f);
	else if (draw < 62)
		set_goal(f);
	else if (draw < 70)
		act_on_topology(f);
	else if (draw < 82)
		trouble_machine(f);
	else if (draw < 88)
		trouble_process(f);
	else if (draw < 90)
		ask_zhost(f, ZHOST_CORDON, "cordon");
	else if (draw < 92)
		ask_zhost(f, ZHOST_UNCORDON, "uncordon");
	else if (draw < 93)
		ask_zhost(f, ZHOST_REMOVE, "remove");
	else if (draw < 97)
		trouble_zrms(f);
	else
		change_weather(f);
	copy_machine(f);
	draw_data(f);
	draw_times(f);
	cut_power(f);
	move_some_unit(f);
	ask_of_some_rollout(f);
	drain_some_zhost(f);
	rebalance(f);
	draw_joins(f);
	draw_sign_ins(f);
	draw_keys(f);
	ask_late(f);
	draw_signers(f);
	draw_secrets(f);
	draw_notices(f);
	draw_machines(f);
	draw_rotation(f);
	draw_leaders(f);
	/* Often nothing more happens at this instant; sometimes the next step comes at once. */
	if (f->world.violation == NULL && random_percent(&f->random, 70))
		world_drain(&f->world);
}

void fuzz_request(struct fuzz *f)
{
	unsigned draw = random_below(&f->random, 100);
	if (draw < 25)
		(void)fuzz_submit(f);
	else if (draw < 60)
		set_goal(f);
	else
		act_on_topology(f);
}

void fuzz_calm(struct fuzz *f)
{
	struct world *w = &f->world;
	world_log(w, "STEP faults end");
	f->calm = true;
	draw_times_end(f);
	leaders_calm(f);
	if (w->control == NULL)
		leaders_start_zrms(f);
	vector_for_each (&w->machines, n) {
		if ((*n)->partitioned)
			machine_heal(w, *n);
		if ((*n)->agent == NULL && !(*n)->scrapped)
			machine_start(w, *n);
	}
	world_drain(w);
	/* A driver may make one meanwhile. */
	for (size_t k = 0; k < w->machines.count; k++) {
		struct control_input input = {
			.type = CONTROL_ZHOST,
			.zhost = {.name = w->machines.items[k]->name, .action = ZHOST_UNCORDON},
		};
		if (w->violation == NULL)
			(void)fuzz_ask(f, &input);
	}
	if (w->violation == NULL && w->control != NULL)
		draw_secrets_end(f);
}
