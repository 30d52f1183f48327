/* One seed: birth, trouble, and what is left when the trouble ends. */

#include "zsim/fuzz/life.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check.h"
#include "zsim/fuzz/check/check_alone.h"
#include "zsim/fuzz/check/check_api.h"
#include "zsim/fuzz/check/check_asked.h"
#include "zsim/fuzz/check/check_audit.h"
#include "zsim/fuzz/check/check_checkpoint.h"
#include "zsim/fuzz/check/check_cut_off.h"
#include "zsim/fuzz/check/check_data.h"
#include "zsim/fuzz/check/check_devices.h"
#include "zsim/fuzz/check/check_drains.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/check/check_keys.h"
#include "zsim/fuzz/check/check_machines.h"
#include "zsim/fuzz/check/check_mesh.h"
#include "zsim/fuzz/check/check_messages.h"
#include "zsim/fuzz/check/check_noticed.h"
#include "zsim/fuzz/check/check_notices.h"
#include "zsim/fuzz/check/check_order.h"
#include "zsim/fuzz/check/check_patience.h"
#include "zsim/fuzz/check/check_plan.h"
#include "zsim/fuzz/check/check_quotas.h"
#include "zsim/fuzz/check/check_rebalances.h"
#include "zsim/fuzz/check/check_recording.h"
#include "zsim/fuzz/check/check_secrets.h"
#include "zsim/fuzz/check/check_settings.h"
#include "zsim/fuzz/check/check_sign_ins.h"
#include "zsim/fuzz/check/check_signers.h"
#include "zsim/fuzz/check/check_timeouts.h"
#include "zsim/fuzz/check/imports.h"
#include "zsim/fuzz/draw/draw_joins.h"
#include "zsim/fuzz/draw/draw_late.h"
#include "zsim/fuzz/draw/draw_leaders.h"
#include "zsim/fuzz/draw/draw_machines.h"
#include "zsim/fuzz/draw/draw_messages.h"
#include "zsim/fuzz/draw/draw_needs.h"
#include "zsim/fuzz/draw/draw_protocols.h"
#include "zsim/fuzz/life/commits.h"
#include "zsim/fuzz/life/draw.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/fuzz/mirror.h"
#include "zsim/fuzz/steps.h"
#include "zsim/world/controller.h"
#include "zsim/world/hooks.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/options.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* Longer than any window of restart that is drawn, and than any timeout. */
#define CALM_MS		  (INT64_C(15) * 60 * 1000)
#define PEACEFUL_REQUESTS 5

/* ---- chance in the world ---- */

static int64_t frame_delay(void *user)
{
	struct fuzz *f = user;
	if (f->calm || !random_percent(&f->random, f->slow_frames_percent))
		return 0;
	return (int64_t)random_below(&f->random, random_percent(&f->random, 20) ? 40000 : 500);
}

static int64_t action_time(void *user, enum agent_action kind)
{
	struct fuzz *f = user;
	if (draws_percent(f, DRAW_HANGS, 5)) {
		draws_happened(f, DRAW_HANGS);
		return NEVER_MS;
	}
	if (f->calm || !random_percent(&f->random, f->slow_actions_percent))
		return f->world.options.recipe_ms;
	return (int64_t)random_below(&f->random, random_percent(&f->random, 20) ? 90000 : 5000);
}

static bool action_fails(void *user, enum agent_action kind)
{
	struct fuzz *f = user;
	return !f->calm && random_percent(&f->random, f->action_fails_percent);
}

static bool batch_more(void *user)
{
	struct fuzz *f = user;
	return random_percent(&f->random, f->batch_percent);
}

/* A zhost is asked for a copy only after the record of its epoch is committed. */
static void check_desired(struct fuzz *f, const Samoza__V1__Desired *set)
{
	for (size_t k = 0; k < set->n_instances; k++) {
		const Samoza__V1__InstanceKey *key = set->instances[k]->key;
		const struct mirrored_copy *m =
			mirror_copy(f, key->topology, key->path, key->epoch);
		if (m == NULL) /* a record that was deleted meanwhile was committed, too */
			world_violate(&f->world,
				      "%s is asked of a zhost under epoch %" PRIu64
				      ", of which no record is committed",
				      key->path, key->epoch);
	}
}

static bool names_twice(const Samoza__V1__MeshPeer *p, const Samoza__V1__MeshPeer *other)
{
	return names_same(p->path, other->path) &&
	       (p->epoch == other->epoch || (p->serving && other->serving));
}

/* Routes lead to copies whose records are committed, to one that serves at most; zhosts that know of no
 * others get no others. */
static void check_mesh(struct fuzz *f, const struct sim_machine *machine,
		       const Samoza__V1__MeshTable *table)
{
	for (size_t k = 0; k < table->n_peers; k++) {
		const Samoza__V1__MeshPeer *p = table->peers[k];
		if (p->zhost == NULL)
			continue;
		if (mirror_copy(f, table->topology, p->path, p->epoch) == NULL)
			world_violate(&f->world,
				      "a route leads to %s under epoch %" PRIu64
				      ", of which no record is committed",
				      p->path, p->epoch);
		for (size_t n = 0; n < k; n++)
			if (names_twice(p, table->peers[n]))
				world_violate(&f->world, "two routes lead to %s", p->path);
		if (!p->serving && machine->protocol < 4)
			world_violate(&f->world,
				      "%s, which is older, hears of a copy of %s that does "
				      "not serve",
				      machine->name, p->path);
	}
}

static void frame(void *user, const struct sim_machine *machine, bool to_agent,
		  Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct fuzz *f = user;
	if (!to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO)
		f->adopts_open = true;
	cut_off_frame(f, machine, type, message);
	check_messages_frame(f, machine, to_agent, type, message);
	if (!to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_REPORT)
		check_drains_report(f, machine->name, (const Samoza__V1__Report *)message);
	if (!to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO)
		check_drains_hello(f, machine->name, (const Samoza__V1__Hello *)message);
	if (to_agent)
		alone_frame(f, machine, type, message);
	if (to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
		check_desired(f, (const Samoza__V1__Desired *)message);
	if (to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE)
		check_mesh(f, machine, (const Samoza__V1__MeshTable *)message);
	if (to_agent && type == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY)
		check_data_replied(f, (const Samoza__V1__DataReply *)message);
}

static bool frame_repeats(void *user, Samoza__V1__FrameType type)
{
	struct fuzz *f = user;
	/* A transport brings a message once at most (port/mesh.h). */
	bool repeats = type != SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE &&
		       draws_percent(f, DRAW_REPEATS, 3);
	if (repeats)
		draws_happened(f, DRAW_REPEATS);
	return repeats;
}

static bool load_fails(void *user, bool is_zrms)
{
	struct fuzz *f = user;
	(void)is_zrms;
	bool fails = f->born && draws_percent(f, DRAW_LOADS, 30);
	if (fails)
		draws_happened(f, DRAW_LOADS);
	return fails;
}

/* At most as long before as its zhost would ask it [topology.exclusive.zhost]. */
static int64_t stops_early(void *user, int64_t grace_ms)
{
	struct fuzz *f = user;
	int64_t most = f->world.options.timeout_ms - 2 * f->world.options.heartbeat_ms;
	if (grace_ms > most)
		grace_ms = most;
	if (grace_ms <= 0 || !draws_have(f, DRAW_OWN_STOPS))
		return 0;
	draws_happened(f, DRAW_OWN_STOPS);
	return (int64_t)random_below(draws_random(f, DRAW_OWN_STOPS), (uint32_t)grace_ms + 1);
}

static void action_begins(void *user, const struct sim_machine *machine,
			  const struct agent_order *order)
{
	check_asked(user, machine, order);
	check_alone(user, machine, order);
	check_devices(user, machine, order);
	check_messages_action(user, machine, order);
	check_patience_update(user, machine, order);
	check_settings_action(user, order);
	check_secrets_action(user, order);
}

static void after_step(void *user)
{
	const struct fuzz *f = user;
	if (f->world.machines.count == 0)
		return; /* several zrms elect one of them before there is anything else */
	reach_watch(user);
	check_kept(user);
	check_timeouts(user);
	check_mesh_known(user);
	imports_check_lists(user);
	check_cut_off(user);
	alone_watch_machines(user);
	draw_messages(user);
	check_checkpoint(user);
	check_recording_step(user);
	check_api_step(user);
}

static void committed(void *user, const struct outbox *o, const struct data_answer *answers)
{
	check_plan_committed(user, o);
	check_joins_committed(user, o);
	check_sign_ins_committed(user, o);
	check_signers_committed(user, o);
	check_secrets_committed(user, o);
	check_notices_committed(user, o);
	check_machines_committed(user, o);
	check_audit_committed(user, o);
	check_keys_committed(user, o);
	leaders_committed(user, o);
	mirror_committed(user, o, answers);
}

/* ---- a life ---- */

static unsigned drawn_or(struct fuzz *f, unsigned given, unsigned least, unsigned most)
{
	unsigned drawn = least + random_below(&f->random, most - least + 1);
	return given > 0 ? given : drawn;
}

static Samoza__V1__Topology *draw_valid(struct fuzz *f, struct random *r, unsigned number)
{
	for (unsigned i = 0; i < 1000; i++) {
		Samoza__V1__Topology *t = draw_topology(r, number);
		draw_needs(f, t);
		CLEANUP(topology_unrefp) struct topology *compiled = NULL;
		if (topology_compile(t, NULL, NULL, NULL, &compiled, NULL) == 0 &&
		    compiled->instance_count <= 20)
			return t;
		schema_message_free(t);
	}
	return NULL;
}

/* Another content for each name. */
static void draw_contents(struct fuzz *f)
{
	struct random *r = draws_random(f, DRAW_CONTENTS);
	for (unsigned i = 0; i < f->drawn.count; i++)
		vector_push(&f->variants,
			    draws_have(f, DRAW_CONTENTS) ? draw_valid(f, r, i + 1) : NULL);
}

static void birth(struct fuzz *f)
{
	check_messages_begin(f);
	(void)check_joins_of(f);
	(void)check_sign_ins_of(f);
	(void)check_signers_of(f);
	(void)check_secrets_of(f);
	(void)check_notices_of(f);
	struct world_options options = {
		.heartbeat_ms = 10000,
		.timeout_ms = 30000,
		.check_ms = 5000,
		.margin_ms = 2000,
		.recipe_ms = 100,
		.restart_attempts = 5,
		.has_drivers = draws_have(f, DRAW_MACHINES),
		/* Each input is a batch of its own. */
		.limits.operations = draws_have(f, DRAW_LIMITS) ? 1000000 : 0,
		/* zrms gives up before the leases of a lost zhost end. */
		.on_disconnect_ms = draws_have(f, DRAW_EAGER) ? 3000 : 0,
	};
	f->counts->draws.happened[DRAW_LIMITS] += draws_have(f, DRAW_LIMITS);
	f->counts->draws.happened[DRAW_EAGER] += draws_have(f, DRAW_EAGER);
	world_init(&f->world, &options);
	f->world.recorder = f->options->recorder;
	check_recording_begin(f);
	f->world.print_log = f->options->verbose ? stdout : NULL;
	f->world.hooks = (struct world_hooks){
		.user = f,
		.hello_key = draw_joins_hello_key,
		.frame_delay = frame_delay,
		.frame_repeats = frame_repeats,
		.load_fails = load_fails,
		.action_begins = action_begins,
		.driver_fault = draw_machines_fault,
		.driver_time = draw_machines_time,
		.driver_spec = draw_machines_spec,
		.driver_acts = draw_machines_acts,
		.driver_called = check_machines_called,
		.stops_early = stops_early,
		.action_time = action_time,
		.action_fails = action_fails,
		.batch_more = batch_more,
		.after_step = after_step,
		.committed = committed,
		.frame = frame,
		.message_leaves = check_messages_leaves,
		.message_arrives = check_messages_arrives,
		.message_dropped = check_messages_dropped,
	};
	commits_hooks(f, &f->world.hooks);
	leaders_hooks(f, &f->world.hooks);
	leaders_start_zrms(f);
	unsigned zhosts = drawn_or(f, f->options->zhosts, 1, 6);
	for (unsigned i = 1; i <= zhosts; i++) {
		Samoza__V1__ZhostSpec *spec = draw_zhost(&f->random, i);
		draw_offers(f, spec);
		draw_first_protocol(f, machine_add(&f->world, spec));
		schema_message_free(spec);
	}
	if (draws_have(f, DRAW_TWINS)) {
		uint32_t of = random_below(draws_random(f, DRAW_TWINS),
					   (uint32_t)f->world.machines.count);
		draw_first_protocol(f,
				    machine_add(&f->world, f->world.machines.items[of]->spec));
	}
	unsigned topologies = drawn_or(f, f->options->topologies, 1, 5);
	for (unsigned i = 1; f->drawn.count < topologies && i < 1000; i++) {
		Samoza__V1__Topology *t =
			draw_topology(&f->random, (unsigned)f->drawn.count + 1);
		draw_needs(f, t);
		CLEANUP(topology_unrefp) struct topology *compiled = NULL;
		/* Many are invalid: an import without a provider, a cycle. */
		if (topology_compile(t, NULL, NULL, NULL, &compiled, NULL) == 0 &&
		    compiled->instance_count <= 20)
			vector_push(&f->drawn, t);
		else
			schema_message_free(t);
	}
	draw_contents(f);
	world_drain(&f->world);
	f->born = true;
}

/* Whoever failed to go away is asked once more. */
static void ask_undeploys_again(struct fuzz *f)
{
	for (struct mirrored *m = f->instances; m != NULL && f->world.violation == NULL;
	     m = m->hh.next) {
		const Samoza__V1__SlotRecord *r = m->record;
		if (r == NULL || r->goal != SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
		    m->state == NULL || strcmp(m->state, "not-deployed") == 0)
			continue;
		struct control_input input = {
			.type = CONTROL_GOAL,
			.goal = {.id = r->application, .path = r->path, .goal = "not-deployed"},
		};
		(void)fuzz_ask(f, &input);
	}
	for (struct mirrored_copy *m = f->copies; m != NULL && f->world.violation == NULL;
	     m = m->hh.next) {
		if (m->record == NULL || !m->record->undeploy_failed ||
		    m->record->role != SAMOZA__V1__ROLE__ROLE_RETIRED)
			continue;
		struct control_input input = {
			.type = CONTROL_TOPOLOGY,
			.topology = {.id = m->record->application, .action = TOPOLOGY_RECOVER},
		};
		(void)fuzz_ask(f, &input);
	}
}

static void settle(struct fuzz *f)
{
	CLEANUP(freep) char *left = NULL;
	if (f->world.violation == NULL && !world_settle(&f->world, &left))
		world_violate(&f->world, "it does not settle within an hour: %s", left);
}

static void converge(struct fuzz *f)
{
	check_settings_alone(f);
	f->alone = true;
	settle(f);
	f->alone = false;
	if (f->world.violation == NULL)
		ask_undeploys_again(f);
	settle(f);
	if (f->world.violation == NULL)
		check_converged(f);
	if (f->world.violation == NULL)
		check_messages_idle(f);
	if (f->world.violation == NULL)
		check_api_settled(f);
	if (f->world.violation == NULL)
		check_rebalances_ended(f);
	if (f->world.violation == NULL)
		check_noticed(f);
}

/* In peace, all that can leave a zhost does. */
static void drain_one(struct fuzz *f)
{
	if (!draws_have(f, DRAW_DRAINS) || f->world.violation != NULL)
		return;
	uint32_t which =
		random_below(draws_random(f, DRAW_DRAINS), (uint32_t)f->world.machines.count);
	const char *zhost = f->world.machines.items[which]->name;
	if (!fuzz_drain(f, zhost, 0, false))
		return;
	settle(f);
	if (f->world.violation == NULL)
		check_drained(f, zhost);
	struct control_input input = {
		.type = CONTROL_ZHOST,
		.zhost = {.name = zhost, .action = ZHOST_UNCORDON},
	};
	if (f->world.violation == NULL)
		(void)fuzz_ask(f, &input);
	converge(f);
}

/* In peace, a second rebalance finds nothing. */
static void rebalance_twice(struct fuzz *f)
{
	if (!draws_have(f, DRAW_REBALANCES) || f->world.violation != NULL)
		return;
	bool granted = fuzz_rebalance(f, 0, NULL);
	settle(f);
	bool is_whole = granted && check_rebalance_is_whole(f);
	if (f->world.violation != NULL)
		return;
	granted = fuzz_rebalance(f, 0, NULL);
	converge(f);
	if (is_whole && granted && f->world.violation == NULL)
		check_rebalance_found_nothing(f);
}

/* What is kept leaves its room when its time is over, and the plan may have seen that: then others are placed. */
static void follow_timers(struct fuzz *f)
{
	int64_t left_ms = check_plan_until_ms(f) - f->world.now_ms;
	if (f->world.violation != NULL || left_ms <= 0)
		return;
	world_advance(&f->world, left_ms);
	settle(f);
}

/* In peace, what was planned happens: changes, also of what is changing already, drains and rebalances. */
static void follow_plans(struct fuzz *f)
{
	struct random *r = draws_random(f, DRAW_PLANS);
	unsigned times = draws_have(f, DRAW_PLANS) ? 1 + random_below(r, 3) : 0;
	for (unsigned k = 0; k < times && f->world.violation == NULL; k++) {
		uint32_t which = random_below(r, (uint32_t)f->world.machines.count);
		const char *zhost = f->world.machines.items[which]->name;
		bool rebalances = draws_have(f, DRAW_REBALANCES) && random_percent(r, 50);
		bool drains = random_percent(r, 40);
		check_plan_wanted(f);
		bool granted = rebalances ? fuzz_rebalance(f, 0, NULL)
			       : drains	  ? fuzz_drain(f, zhost, 0, false)
					  : fuzz_submit(f);
		settle(f);
		follow_timers(f);
		check_plan_end(f, granted);
	}
}

static void end(struct fuzz *f)
{
	mirrored_done(f);
	draw_late_done(f);
	check_order_done(f);
	check_data_done(f);
	check_quotas_done(f);
	check_messages_done(f);
	check_plan_end(f, false);
	check_rebalances_done(f);
	check_joins_done(f);
	check_sign_ins_done(f);
	check_keys_done(f);
	check_signers_done(f);
	check_secrets_done(f);
	check_notices_done(f);
	check_machines_done(f);
	vector_done(&f->new_copies);
	vector_for_each (&f->audited, outcome)
		free(*outcome);
	vector_done(&f->standstills.all);
	vector_done(&f->audited);
	vector_done(&f->told_to_go);
	vector_done(&f->outages);
	free(f->granted);
	vector_done(&f->reaches);
	vector_done(&f->cut_offs);
	vector_done(&f->begun);
	vector_done(&f->adopts_asked);
	vector_for_each (&f->submitted, s) {
		free(s->id);
		topology_unref(s->topology);
		vector_for_each (&s->revisions, revision)
			topology_unref(*revision);
		vector_done(&s->revisions);
		vector_done(&s->policies);
		vector_for_each (&s->packages, package)
			if (*package != NULL)
				samoza__v1__revision_record__free_unpacked(*package, NULL);
		vector_done(&s->packages);
		free(s->newest_digest);
	}
	vector_done(&f->submitted);
	world_done(&f->world);
	check_recording_done(f);
	vector_for_each (&f->variants, t)
		schema_message_free(*t);
	vector_done(&f->variants);
	vector_for_each (&f->drawn, t)
		schema_message_free(*t);
	vector_done(&f->drawn);
}

bool fuzz_live(uint64_t seed, const struct fuzz_options *options, struct fuzz_counts *counts,
	       char **ret_why)
{
	struct fuzz f = {.seed = seed, .options = options, .counts = counts};
	/* Neighbours among the seeds have nothing in common. */
	f.random.state = seed * UINT64_C(0xd1342543de82ef95) + 2;
	draws_begin(&f, options->draws);
	birth(&f);
	unsigned steps = drawn_or(&f, options->steps, 20, 300);
	for (unsigned i = 0; i < steps && f.world.violation == NULL; i++) {
		fuzz_step(&f);
		check_noticed(&f);
	}
	if (f.world.violation == NULL)
		fuzz_calm(&f);
	if (f.world.violation == NULL)
		draw_machines_calm(&f);
	if (f.world.violation == NULL)
		world_advance(&f.world, CALM_MS);
	converge(&f);
	drain_one(&f);
	rebalance_twice(&f);
	/* And once more after every request that is made in peace. */
	for (unsigned i = 0; i < PEACEFUL_REQUESTS && f.world.violation == NULL; i++) {
		fuzz_request(&f);
		converge(&f);
	}
	follow_plans(&f); /* what it leaves is not checked otherwise: zhosts stay cordoned */
	if (f.world.violation == NULL)
		check_machines_end(&f);
	check_recording_end(&f);
	vector_for_each (&f.world.log, line)
		puts(*line);
	if (f.world.violation != NULL)
		*ret_why = str_printf("%s (at %.3f s)", f.world.violation,
				      (double)f.world.now_ms / 1000.0);
	bool passed = f.world.violation == NULL;
	end(&f);
	return passed;
}
