#include "reconcile_stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "base/str.h"
#include "zhost/frames.h"
#include "zhost/mesh/hub_transport.h"

/* ---- a zhost ---- */

static void on_failed(void *user)
{
	struct stage *s = user;
	s->failed++;
}

static void on_removed(void *user)
{
	struct stage *s = user;
	s->removed++;
}

static const struct reconcile_listener listener = {.failed = on_failed, .removed = on_removed};

static bool every_port_is_free(uint16_t port)
{
	(void)port;
	return true;
}

static bool does_load_fail(void *user)
{
	return ((struct stage *)user)->load_fails;
}

static void make_parts(struct stage *s)
{
	const struct sim_kv_hooks hooks = {.load_fails = does_load_fail, .user = s};
	s->kv = sim_kv_new(&s->disk, &hooks);
	s->logs = spacelogs_new(s->dir_fd);
	s->ports = ports_new("127.0.0.1", 1, every_port_is_free);
	s->transport = hub_transport_new(&s->upstream.upstream);
	const struct direct_service_options direct = {.loop = &s->loop,
						      .upstream = &s->upstream.upstream,
						      .hub = s->transport,
						      .zhost = "n1",
						      .identity = "identity",
						      .incarnation = 1};
	assert_int_equal(direct_service_new(&direct, &s->direct, NULL), 0);
	s->mesh = mesh_new(&s->loop, "n1", direct_service_mesh(s->direct));
	const struct reconcile_parts parts = {.loop = &s->loop,
					      .kv = s->kv,
					      .ports = s->ports,
					      .upstream = &s->upstream.upstream};
	s->reconcile = reconcile_new(&parts, &listener, s);
	s->data = data_service_new(&s->loop, &s->upstream.upstream, &reconcile_local_data,
				   s->reconcile);
	const struct zrun_processes_options processes = {.loop = &s->loop, .run_fd = s->dir_fd};
	s->processes = zrun_processes_new(&processes);
	const struct residents_parts residents = {.loop = &s->loop,
						  .zhost = "n1",
						  .starts_at_once = 2,
						  .data = s->data,
						  .mesh = s->mesh,
						  .ports = s->ports,
						  .logs = s->logs,
						  .processes = s->processes};
	s->residents = residents_new(&residents, &reconcile_residents, s->reconcile);
}

int try_open(struct stage *s, struct error **err)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	const struct agent_config config = {.identity = "identity",
					    .incarnation = 1,
					    .spec = &spec,
					    .heartbeat_ms = 10000,
					    .failure_timeout_ms = 30000};
	make_parts(s);
	return reconcile_begin(s->reconcile, s->residents, &config, err);
}

/* As kill -9 does: of the batches that wait, `written` are on disk. */
void crash(struct stage *s, size_t written)
{
	sim_kv_crash(s->kv, written);
	residents_free(s->residents);
	zrun_processes_free(s->processes);
	data_service_free(s->data);
	reconcile_free(s->reconcile);
	mesh_free(s->mesh);
	direct_service_free(s->direct);
	mesh_transport_free(s->transport);
	ports_free(s->ports);
	spacelogs_free(s->logs);
}

void run_turn(struct stage *s)
{
	sim_loop_run(&s->loop, 0);
}

void answer(struct stage *s)
{
	sim_kv_answer(s->kv, COMMIT_DURABLE, true);
	run_turn(s);
}

void answer_all(struct stage *s)
{
	while (sim_kv_waiting(s->kv) > 0)
		answer(s);
}

void open_zhost(struct stage *s)
{
	further.asked = "";
	assert_int_equal(try_open(s, NULL), 0);
	run_turn(s);
	answer_all(s);
}

int reconcile_stage_begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	further = (struct further){0};
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(s->dir) == NULL)
		return -1;
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY);
	sim_loop_init(&s->loop);
	fake_upstream_init(&s->upstream);
	open_zhost(s);
	return 0;
}

int reconcile_stage_end(void **state)
{
	struct stage *s = *state;
	crash(s, 0);
	fake_upstream_done(&s->upstream);
	sim_loop_done(&s->loop);
	sim_disk_done(&s->disk);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->dir);
	(void)close(s->dir_fd);
	int r = system(command);
	free(s);
	return r;
}

/* ---- zrms ---- */

void take_frame(struct stage *s, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	const struct frame_parts parts = {.upstream = &s->upstream.upstream,
					  .reconcile = s->reconcile,
					  .data = s->data,
					  .direct = s->direct};
	assert_int_equal(frames_take(&parts, type, message, NULL), 0);
}

void acknowledge(struct stage *s, Samoza__V1__HelloAck__Verdict verdict)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = verdict;
	take_frame(s, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base);
	run_turn(s);
}

void join_cluster(struct stage *s)
{
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
}

/* One full set of one copy for each letter of `paths`. */
void desire(struct stage *s, const char *paths, Samoza__V1__Target target)
{
	static Samoza__V1__Variable port = {
		PROTOBUF_C_MESSAGE_INIT(&samoza__v1__variable__descriptor),
		.name = (char *)"http", .value = (char *)""};
	static Samoza__V1__Variable *exports[] = {&port};
	Samoza__V1__InstanceKey keys[4];
	Samoza__V1__InstanceSpec specs[4];
	Samoza__V1__DesiredInstance items[4], *all[4];
	char names[4][2];
	Samoza__V1__Desired set = SAMOZA__V1__DESIRED__INIT;
	set.version = ++s->version;
	set.full = true;
	set.instances = all;
	for (; paths[set.n_instances] != '\0'; set.n_instances++) {
		size_t i = set.n_instances;
		names[i][0] = paths[i];
		names[i][1] = '\0';
		samoza__v1__instance_key__init(&keys[i]);
		samoza__v1__instance_spec__init(&specs[i]);
		samoza__v1__desired_instance__init(&items[i]);
		keys[i].topology = (char *)"t1";
		keys[i].path = names[i];
		keys[i].epoch = 3;
		specs[i].topology_name = (char *)"app";
		specs[i].space = (char *)"space";
		specs[i].type = FURTHER_TYPE;
		specs[i].exports = exports;
		specs[i].n_exports = 1;
		items[i].key = &keys[i];
		items[i].spec = &specs[i];
		items[i].generation = s->version;
		items[i].target = target;
		all[i] = &items[i];
	}
	take_frame(s, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED, &set.base);
	run_turn(s);
}

/* The copies that the last HELLO or REPORT names. */
size_t last_reports(const struct stage *s, Samoza__V1__InstanceReport ***ret_reports)
{
	if (s->upstream.last_type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO) {
		const Samoza__V1__Hello *hello = (const Samoza__V1__Hello *)s->upstream.last;
		*ret_reports = hello->instances;
		return hello->n_instances;
	}
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_REPORT);
	const Samoza__V1__Report *report = (const Samoza__V1__Report *)s->upstream.last;
	*ret_reports = report->instances;
	return report->n_instances;
}

const Samoza__V1__InstanceReport *last_report(const struct stage *s)
{
	Samoza__V1__InstanceReport **reports;
	size_t count = last_reports(s, &reports);
	assert_true(count > 0);
	return reports[count - 1];
}

/* A copy of `a` that has started, with all of it durable. */
void start_one(struct stage *s)
{
	join_cluster(s);
	desire(s, "a", STARTED);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
	resident_done(further.resident);
	run_turn(s);
	answer_all(s);
	assert_string_equal(further.asked, "start");
	resident_done(further.resident);
	run_turn(s);
	answer_all(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_STARTED);
}
