#include "durable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../sqlite/directory.h"
#include "adapter/sqlite/kv.h"
#include "adapter/sqlite/store.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent_loop.h"
#include "core/control/control_loop.h"
#include "model/compile.h"
#include "schema/yaml.h"

#define CONTROL_STEPS 5
#define AGENT_STEPS   4
#define LINK	      1

static const struct instant now = {.mono_ms = 1000, .wall_ms = INT64_C(1800000000000)};

/* ---- what is on disk, as one number ---- */

static uint64_t fnv(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* ---- zrms ---- */

struct zrms_life {
	struct nth *nth;
	struct loop loop;
	struct store *store;
	struct control *control;
	struct control_loop *commits;
	unsigned step;
	uint64_t epoch; /* of the instance, as zrms sent it */
	bool stopped, closed;
};

static void zrms_answered(struct zrms_life *life)
{
	life->nth->answered = life->step + 1;
}

static void on_message(void *user, const struct link_message *message)
{
	struct zrms_life *life = user;
	zrms_answered(life);
	if (message->type != SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
		return;
	const Samoza__V1__Desired *set = (const Samoza__V1__Desired *)message->message;
	if (set->n_instances > 0)
		life->epoch = set->instances[0]->key->epoch;
}

static void on_record(void *user, const struct record_change *change)
{
	(void)change;
	zrms_answered(user);
}

static void on_reply(void *user, const struct reply *reply)
{
	INVARIANT(reply->code == 0);
	zrms_answered(user);
}

static void on_event(void *user, const Samoza__V1__EventRecord *event)
{
	(void)event;
	zrms_answered(user);
}

static void on_answer(void *user, const struct data_change *change, struct data_answer *answer)
{
	(void)user;
	(void)change;
	(void)answer;
}

static void zrms_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct zrms_life *life = user;
	INVARIANT(life->nth->refused && outcome == COMMIT_FAILED && why != NULL);
	life->stopped = true;
}

static int load_record(void *user, enum record_kind kind, const char *id, const void *data,
		       size_t size, struct error **err)
{
	struct zrms_life *life = user;
	uint64_t hash = life->nth->content;
	hash = fnv(hash, &kind, sizeof(kind));
	hash = fnv(hash, id, strlen(id) + 1);
	life->nth->content = fnv(hash, data, size);
	return control_load(life->control, kind, data, size, err);
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static void run_until(struct loop *loop, const bool *done)
{
	while (!*done)
		(void)uv_run(loop_uv(loop), UV_RUN_ONCE);
}

static void zrms_open(struct zrms_life *life, struct nth *nth, const char *path)
{
	static const struct control_loop_listener listener = {
		on_record, on_event, on_message, on_answer, on_reply, zrms_stopped, NULL};
	*life = (struct zrms_life){.nth = nth};
	INVARIANT(loop_init(&life->loop, NULL) == 0);
	INVARIANT(sqlite_store_open(&life->loop, path, &life->store, NULL) == 0);
	life->control = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	INVARIANT(life->store->ops->load(life->store, load_record, life, NULL) == 0);
	life->commits = control_loop_new(life->control, life->store, &listener, life);
}

static void zrms_close(struct zrms_life *life)
{
	control_loop_stop(life->commits);
	life->store->ops->close(life->store, on_closed, &life->closed);
	run_until(&life->loop, &life->closed);
}

static Samoza__V1__Topology *read_topology(void)
{
	static const char text[] = "apiVersion: samoza/v1\nkind: Topology\n"
				   "metadata: {name: shop}\n"
				   "spaces:\n"
				   "- {name: web, type: CALL}\n";
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	ProtobufCMessage *message = NULL;
	INVARIANT(schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text,
				   strlen(text), 0, &findings, &message, NULL, NULL) == 0);
	return (Samoza__V1__Topology *)message;
}

static void zrms_submit(struct zrms_life *life)
{
	Samoza__V1__Topology *message = read_topology();
	struct topology *topology = NULL;
	INVARIANT(topology_compile(message, NULL, NULL, NULL, &topology, NULL) == 0);
	Samoza__V1__RevisionRecord record = SAMOZA__V1__REVISION_RECORD__INIT;
	record.application = (char *)"id-1";
	record.number = 1;
	record.package_digest = (char *)"";
	record.topology = message;
	const struct control_input input = {.type = CONTROL_SUBMIT,
					    .request = 1,
					    .submit = {.id = "id-1",
						       .topology = topology,
						       .record = &record,
						       .options = {.start = true}}};
	control_loop_input(life->commits, now, &input);
}

static void zrms_hello(struct zrms_life *life)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	spec.cpu = (char *)"4";
	spec.memory = (char *)"8GiB";
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	hello.protocol = 2;
	hello.spec = &spec;
	hello.identity = (char *)"identity of n1";
	hello.incarnation = 1;
	control_loop_input(
		life->commits, now,
		&(struct control_input){.type = CONTROL_HELLO, .hello = {LINK, &hello}});
}

static void zrms_report(struct zrms_life *life, Samoza__V1__Phase phase)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"id-1";
	key.path = (char *)"web";
	key.epoch = life->epoch;
	Samoza__V1__InstanceReport instance = SAMOZA__V1__INSTANCE_REPORT__INIT;
	instance.key = &key;
	instance.phase = phase;
	Samoza__V1__InstanceReport *instances[] = {&instance};
	Samoza__V1__Report report = SAMOZA__V1__REPORT__INIT;
	report.n_instances = 1;
	report.instances = instances;
	control_loop_input(
		life->commits, now,
		&(struct control_input){.type = CONTROL_REPORT, .report = {LINK, &report}});
}

static void zrms_step(struct zrms_life *life)
{
	switch (life->step) {
	case 0:
		INVARIANT(control_loop_start(life->commits, now, NULL) == 0);
		break;
	case 1:
		zrms_hello(life);
		break;
	case 2:
		zrms_submit(life);
		break;
	case 3:
		zrms_report(life, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
		break;
	default:
		zrms_report(life, SAMOZA__V1__PHASE__PHASE_STARTED);
		break;
	}
	(void)control_loop_turn(life->commits, now);
	while (!control_loop_is_idle(life->commits) && !life->stopped) {
		(void)uv_run(loop_uv(&life->loop), UV_RUN_ONCE);
		(void)control_loop_turn(life->commits, now);
	}
}

static void zrms_live(struct nth *nth, void *path)
{
	struct zrms_life life;
	zrms_open(&life, nth, path);
	nth_arm(nth);
	for (; life.step < nth->steps && !life.stopped; life.step++) {
		zrms_step(&life);
		if (!life.stopped)
			nth->answered = life.step + 1;
	}
	nth_disarm();
	if (!life.stopped) /* as a crash: a failed one ends at once */
		zrms_close(&life);
}

static void zrms_check(struct nth *nth, void *path)
{
	struct zrms_life life;
	zrms_open(&life, nth, path);
	struct outbox o;
	outbox_init(&o);
	INVARIANT(control_start(life.control, now, &o, NULL) == 0);
	control_flush(life.control, now, &o);
	zrms_close(&life);
}

/* ---- zhost ---- */

struct zhost_life {
	struct nth *nth;
	struct loop loop;
	struct kv *kv;
	struct agent *agent;
	struct agent_loop *commits;
	unsigned step;
	uint64_t action; /* the last that was ordered */
	bool stopped, closed;
};

static void on_order(void *user, const struct agent_order *order)
{
	struct zhost_life *life = user;
	life->nth->answered = life->step + 1;
	if (order->type == ORDER_ACTION)
		life->action = order->action;
}

static void on_agent_message(void *user, Samoza__V1__FrameType type,
			     const ProtobufCMessage *message)
{
	struct zhost_life *life = user;
	(void)type;
	(void)message;
	life->nth->answered = life->step + 1;
}

static void zhost_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct zhost_life *life = user;
	INVARIANT(life->nth->refused && outcome == COMMIT_FAILED && why != NULL);
	life->stopped = true;
}

static int load_agent(void *user, const void *key, size_t key_size, const void *value,
		      size_t value_size, struct error **err)
{
	struct zhost_life *life = user;
	life->nth->content = fnv(fnv(life->nth->content, key, key_size), value, value_size);
	return agent_load(life->agent, value, value_size, true, err);
}

static void zhost_open(struct zhost_life *life, struct nth *nth, const char *path)
{
	static const struct agent_loop_listener listener = {on_order, on_agent_message,
							    zhost_stopped, NULL};
	*life = (struct zhost_life){.nth = nth};
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	spec.cpu = (char *)"4";
	spec.memory = (char *)"8GiB";
	INVARIANT(loop_init(&life->loop, NULL) == 0);
	INVARIANT(sqlite_kv_open(&life->loop, path, &life->kv, NULL) == 0);
	life->agent = agent_new(&(struct agent_config){.identity = "identity of n1",
						       .incarnation = 1,
						       .boot = "first",
						       .spec = &spec,
						       .heartbeat_ms = 10000,
						       .failure_timeout_ms = 30000});
	INVARIANT(life->kv->ops->load(life->kv, AGENT_RECORDS, load_agent, life, NULL) == 0);
	life->commits = agent_loop_new(life->agent, life->kv, &listener, life);
}

static void zhost_close(struct zhost_life *life)
{
	agent_loop_stop(life->commits);
	life->kv->ops->close(life->kv, on_closed, &life->closed);
	run_until(&life->loop, &life->closed);
}

static void zhost_desired(struct zhost_life *life)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"id-1";
	key.path = (char *)"web";
	key.epoch = 7;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	spec.topology_name = (char *)"shop";
	spec.space = (char *)"web";
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	Samoza__V1__DesiredInstance instance = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	instance.key = &key;
	instance.spec = &spec;
	instance.generation = 1;
	instance.target = SAMOZA__V1__TARGET__TARGET_STARTED;
	Samoza__V1__DesiredInstance *instances[] = {&instance};
	Samoza__V1__Desired desired = SAMOZA__V1__DESIRED__INIT;
	desired.full = true;
	desired.n_instances = 1;
	desired.instances = instances;
	agent_loop_input(life->commits, now,
			 &(struct agent_input){.type = AGENT_DESIRED, .desired = &desired});
}

static void zhost_step(struct zhost_life *life)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	switch (life->step) {
	case 0:
		agent_loop_input(life->commits, now,
				 &(struct agent_input){.type = AGENT_LINK_UP});
		ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
		agent_loop_input(
			life->commits, now,
			&(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
		break;
	case 1:
		zhost_desired(life);
		break;
	default: /* deployed, then started */
		agent_loop_input(life->commits, now,
				 &(struct agent_input){.type = AGENT_ACTION_DONE,
						       .done = {.action = life->action}});
		break;
	}
	(void)agent_loop_turn(life->commits);
	while (!agent_loop_is_idle(life->commits) && !life->stopped) {
		(void)uv_run(loop_uv(&life->loop), UV_RUN_ONCE);
		(void)agent_loop_turn(life->commits);
	}
}

static void zhost_live(struct nth *nth, void *path)
{
	struct zhost_life life;
	zhost_open(&life, nth, path);
	nth_arm(nth);
	for (; life.step < nth->steps && !life.stopped; life.step++) {
		zhost_step(&life);
		if (!life.stopped)
			nth->answered = life.step + 1;
	}
	nth_disarm();
	if (!life.stopped)
		zhost_close(&life);
}

static void zhost_check(struct nth *nth, void *path)
{
	struct zhost_life life;
	zhost_open(&life, nth, path);
	zhost_close(&life);
}

/* ---- both ---- */

static char *directory;

static void *file_new(void)
{
	directory = directory_new();
	return directory_file(directory, "data.db");
}

static void file_free(void *path)
{
	directory_delete(directory);
	free(directory);
	free(path);
}

/* What a life of that many steps leaves; checks the number of steps. */
static void assert_whole(const struct nth_path *path, const struct nth *nth)
{
	static const struct nth_path *known;
	static uint64_t contents[CONTROL_STEPS + 1];
	if (known != path) {
		for (unsigned steps = 0; steps <= path->steps; steps++)
			contents[steps] = nth_content(path, steps);
		known = path;
	}
	for (unsigned steps = nth->answered; steps <= path->steps; steps++)
		if (nth->content == contents[steps])
			return;
	fail_msg("%s, with allocation %lu refused: %u steps were answered, and what is on disk "
		 "is "
		 "that of no step after",
		 path->name, nth->fails_at, nth->answered);
}

static void assert_control(const struct nth *nth)
{
	assert_whole(&control_path, nth);
}

static void assert_agent(const struct nth *nth)
{
	assert_whole(&agent_path, nth);
}

const struct nth_path control_path = {.name = "a submit in the control loop",
				      .life = zrms_live,
				      .check = zrms_check,
				      .place_new = file_new,
				      .place_free = file_free,
				      .assert_sound = assert_control,
				      .steps = CONTROL_STEPS};
const struct nth_path agent_path = {.name = "a start in the agent loop",
				    .life = zhost_live,
				    .check = zhost_check,
				    .place_new = file_new,
				    .place_free = file_free,
				    .assert_sound = assert_agent,
				    .steps = AGENT_STEPS};
