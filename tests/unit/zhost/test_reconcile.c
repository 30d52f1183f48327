/*
 * zhost/reconcile/reconcile.h: zrms, residents, agent and kv together, with a kv that answers when the
 * test lets it and a kind of space without processes.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/sim_kv.h"
#include "base/str.h"
#include "core/agent/agent_loop.h"
#include "fake_upstream.h"
#include "kind_further.h"
#include "zhost/frames.h"
#include "zhost/mesh/hub_transport.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/space/resident.h"

#define STARTED	 SAMOZA__V1__TARGET__TARGET_STARTED
#define DEPLOYED SAMOZA__V1__TARGET__TARGET_DEPLOYED

struct stage {
	struct loop loop;
	char dir[64];
	int dir_fd;
	struct sim_disk disk;
	struct kv *kv;
	bool load_fails;
	struct fake_upstream upstream;
	struct cluster_timing timing;
	struct spacelogs *logs;
	struct ports *ports;
	struct mesh_transport *transport;
	struct mesh *mesh;
	struct data_service *data;
	struct zrun_processes *processes;
	struct residents *residents;
	struct reconcile *reconcile;
	unsigned failed, removed;
	uint64_t version; /* of the last desired set */
};

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
	s->mesh = mesh_new(&s->loop, "n1", s->transport);
	s->timing = (struct cluster_timing){10000, 30000};
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
						  .timing = &s->timing,
						  .starts_at_once = 2,
						  .data = s->data,
						  .mesh = s->mesh,
						  .ports = s->ports,
						  .logs = s->logs,
						  .processes = s->processes};
	s->residents = residents_new(&residents, &reconcile_residents, s->reconcile);
}

static int try_open(struct stage *s, struct error **err)
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
static void crash(struct stage *s, size_t written)
{
	sim_kv_crash(s->kv, written);
	residents_free(s->residents);
	zrun_processes_free(s->processes);
	data_service_free(s->data);
	reconcile_free(s->reconcile);
	mesh_free(s->mesh);
	mesh_transport_free(s->transport);
	ports_free(s->ports);
	spacelogs_free(s->logs);
}

static void run(struct stage *s)
{
	sim_loop_run(&s->loop, 0);
}

static void answer(struct stage *s)
{
	sim_kv_answer(s->kv, COMMIT_DURABLE, true);
	run(s);
}

static void answer_all(struct stage *s)
{
	while (sim_kv_waiting(s->kv) > 0)
		answer(s);
}

static void open_zhost(struct stage *s)
{
	further.asked = "";
	assert_int_equal(try_open(s, NULL), 0);
	run(s);
	answer_all(s);
}

static int begin(void **state)
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

static int end(void **state)
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

static void take(struct stage *s, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	const struct frame_parts parts = {
		.upstream = &s->upstream.upstream, .reconcile = s->reconcile, .data = s->data};
	assert_int_equal(frames_take(&parts, type, message, NULL), 0);
}

static void acknowledge(struct stage *s, Samoza__V1__HelloAck__Verdict verdict)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = verdict;
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, &ack.base);
	run(s);
}

static void join(struct stage *s)
{
	reconcile_link(s->reconcile, true);
	run(s);
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
}

/* One full set of one copy for each letter of `paths`. */
static void desire(struct stage *s, const char *paths, Samoza__V1__Target target)
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
	take(s, SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED, &set.base);
	run(s);
}

/* The copies that the last HELLO or REPORT names. */
static size_t last_reports(const struct stage *s, Samoza__V1__InstanceReport ***ret_reports)
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

static const Samoza__V1__InstanceReport *last_report(const struct stage *s)
{
	Samoza__V1__InstanceReport **reports;
	size_t count = last_reports(s, &reports);
	assert_true(count > 0);
	return reports[count - 1];
}

/* A copy of `a` that has started, with all of it durable. */
static void start_one(struct stage *s)
{
	join(s);
	desire(s, "a", STARTED);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
	resident_done(further.resident);
	run(s);
	answer_all(s);
	assert_string_equal(further.asked, "start");
	resident_done(further.resident);
	run(s);
	answer_all(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_STARTED);
}

/* ---- order: durable first ---- */

static void a_link_is_answered_with_a_hello(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceReport **reports;
	reconcile_link(s->reconcile, true);
	run(s);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO);
	assert_int_equal(last_reports(s, &reports), 0);
}

static void an_action_begins_when_its_record_is_durable(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", STARTED);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_string_equal(further.asked, "");
	answer(s);
	assert_string_equal(further.asked, "deploy");
}

static void a_result_is_reported_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", DEPLOYED);
	answer_all(s);
	unsigned sent = s->upstream.sent;
	resident_done(further.resident);
	run(s);
	assert_int_equal(s->upstream.sent, sent);
	answer(s);
	assert_int_equal(s->upstream.sent, sent + 1);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
}

static void the_ports_of_a_start_are_part_of_its_commit(void **state)
{
	struct stage *s = *state;
	start_one(s);
	assert_int_equal(last_report(s)->n_exports, 1);
	const char *drawn = last_report(s)->exports[0]->value;
	bool is_kept = false;
	vector_for_each (&s->disk.values, v)
		if (str_equal(v->owner, "@ports")) {
			CLEANUP(freep)
			char *text = mem_strndup(v->value, v->value_size);
			CLEANUP(freep) char *expected = str_printf("http=%s", drawn);
			assert_string_equal(text, expected);
			is_kept = true;
		}
	assert_true(is_kept);
}

static void batches_in_flight_are_carried_out_in_order(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "ab", DEPLOYED);
	answer_all(s);
	struct resident *second = further.resident;
	CLEANUP(freep) char *second_path = mem_strdup(second->key->path);
	Samoza__V1__InstanceKey first_key = *second->key;
	first_key.path = (char *)(second_path[0] == 'a' ? "b" : "a");
	struct resident *first = resident_find(s->residents, &first_key);
	resident_done(second);
	run(s);
	resident_failed(first, "no such artifact");
	run(s);
	assert_int_equal(sim_kv_waiting(s->kv), 2);
	answer(s);
	assert_string_equal(last_report(s)->key->path, second_path);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
	answer(s);
	assert_string_equal(last_report(s)->key->path, first_key.path);
	assert_string_equal(last_report(s)->error, "deploy: no such artifact");
}

static void the_inputs_of_one_turn_are_one_commit(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "ab", DEPLOYED);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	uint64_t before = reconcile_commits(s->reconcile);
	answer(s);
	assert_int_equal(reconcile_commits(s->reconcile), before + 1);
}

/* ---- time ---- */

static void heartbeats_and_further_attempts_come_with_time(void **state)
{
	struct stage *s = *state;
	join(s);
	sim_loop_run(&s->loop, 10000);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT);
	desire(s, "a", DEPLOYED);
	answer_all(s);
	resident_failed(further.resident, "no such artifact");
	run(s);
	answer_all(s);
	assert_true(last_report(s)->has_retry_ms);
	further.asked = "";
	sim_loop_run(&s->loop, (int64_t)last_report(s)->retry_ms);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
}

/* ---- what the residents report by themselves ---- */

static void a_health_check_that_fails_is_reported(void **state)
{
	struct stage *s = *state;
	start_one(s);
	resident_health(further.resident, false);
	run(s);
	answer_all(s);
	assert_true(last_report(s)->has_healthy && !last_report(s)->healthy);
	resident_health(further.resident, true);
	run(s);
	answer_all(s);
	assert_true(!last_report(s)->has_healthy || last_report(s)->healthy);
}

static void a_process_that_ends_is_reported(void **state)
{
	struct stage *s = *state;
	start_one(s);
	const struct exit_report report = {.error = (char *)"killed by signal 9"};
	resident_ended(further.resident, &report);
	run(s);
	unsigned sent = s->upstream.sent;
	answer(s);
	assert_int_equal(s->upstream.sent, sent + 1);
	assert_string_equal(last_report(s)->error, "process: killed by signal 9");
}

static void a_program_that_finishes_during_its_start_is_reported_as_finished(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", STARTED);
	answer_all(s);
	resident_done(further.resident);
	run(s);
	answer_all(s);
	assert_string_equal(further.asked, "start");
	const struct exit_report report = {
		.is_known = true, .is_finished = true, .error = (char *)""};
	resident_ended(further.resident, &report);
	run(s);
	answer_all(s);
	assert_true(last_report(s)->finished);
	assert_null(last_report(s)->error);
}

/* ---- a kv that fails ---- */

static void a_failed_commit_ends_the_program_and_carries_nothing_out(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", STARTED);
	sim_kv_answer(s->kv, COMMIT_FAILED, false);
	run(s);
	assert_int_equal(s->failed, 1);
	assert_string_equal(further.asked, "");
	unsigned sent = s->upstream.sent;
	desire(s, "b", STARTED);
	sim_loop_run(&s->loop, 60000);
	assert_int_equal(sim_kv_waiting(s->kv), 0);
	assert_int_equal(s->upstream.sent, sent);
	assert_int_equal(s->failed, 1);
}

static void a_store_that_cannot_be_read_fails_the_start(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	crash(s, 0);
	s->load_fails = true;
	assert_int_equal(try_open(s, &err), ERR_IO);
	assert_string_equal(err->message, "the disk cannot be read");
}

static void a_record_that_cannot_be_read_fails_the_start(void **state)
{
	static const struct {
		const char *owner, *message;
	} cases[] = {
		{AGENT_RECORDS, "the record of instance t1/a#3 cannot be read"},
		{"@ports", NULL},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct data_answer none;
		crash(s, 0);
		sim_disk_done(&s->disk);
		s->disk = (struct sim_disk){0};
		const struct kv_change change = {.operation = KV_PUT,
						 .owner = (char *)(uintptr_t)cases[i].owner,
						 .key = (char *)"t1/a#3",
						 .key_size = 6,
						 .value = (char *)"?!",
						 .value_size = 2};
		sim_disk_apply(&s->disk, &change, &none);
		assert_int_equal(try_open(s, &err), ERR_INVALID);
		if (cases[i].message != NULL)
			assert_string_equal(err->message, cases[i].message);
	}
}

static void nothing_is_begun_after_the_close(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", STARTED);
	reconcile_close(s->reconcile);
	unsigned sent = s->upstream.sent;
	answer(s);
	assert_string_equal(further.asked, "");
	desire(s, "ab", STARTED);
	sim_loop_run(&s->loop, 60000);
	assert_int_equal(sim_kv_waiting(s->kv), 0);
	assert_int_equal(s->upstream.sent, sent);
}

/* ---- a restart ---- */

static void what_was_not_durable_is_unknown_after_a_restart(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceReport **reports;
	join(s);
	desire(s, "a", STARTED);
	crash(s, 0);
	open_zhost(s);
	reconcile_link(s->reconcile, true);
	run(s);
	assert_int_equal(last_reports(s, &reports), 0);
}

static void a_deploy_that_was_durable_is_repeated_after_a_restart(void **state)
{
	struct stage *s = *state;
	join(s);
	desire(s, "a", STARTED);
	crash(s, 1);
	open_zhost(s);
	join(s);
	assert_string_equal(further.asked, ""); /* zrms may have moved it meanwhile */
	desire(s, "a", STARTED);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
}

static void a_running_instance_is_found_with_its_ports(void **state)
{
	struct stage *s = *state;
	start_one(s);
	CLEANUP(freep) char *port = mem_strdup(last_report(s)->exports[0]->value);
	crash(s, 0);
	further.is_running = true;
	open_zhost(s);
	reconcile_link(s->reconcile, true);
	run(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_STARTED);
	assert_string_equal(last_report(s)->exports[0]->value, port);
	assert_string_equal(further.asked, "");
}

static void an_end_that_no_zhost_saw_is_reported_with_its_reason(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report = (struct exit_report){.is_known = true, .error = (char *)"trap: oops"};
	open_zhost(s);
	reconcile_link(s->reconcile, true);
	run(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
	assert_string_equal(last_report(s)->error, "process: trap: oops");
	assert_int_equal(last_report(s)->failures, 1);
}

static void a_program_that_finished_unseen_has_not_failed(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report = (struct exit_report){
		.is_known = true, .is_finished = true, .error = (char *)""};
	open_zhost(s);
	reconcile_link(s->reconcile, true);
	run(s);
	assert_true(last_report(s)->finished);
	assert_int_equal(last_report(s)->failures, 0);
}

static void an_instance_that_was_ended_with_its_zhost_has_not_failed(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report =
		(struct exit_report){.is_known = true, .is_asked = true, .error = (char *)""};
	open_zhost(s);
	reconcile_link(s->reconcile, true);
	run(s);
	assert_int_equal(last_report(s)->failures, 0);
	assert_null(last_report(s)->error);
}

/* ---- local data ---- */

static void on_stored(void *user, const struct data_answer *answer)
{
	assert_int_equal(answer->status, 0);
	(*(unsigned *)user)++;
}

static void put_local(struct stage *s, unsigned *answers)
{
	struct kv_change change = {.operation = KV_PUT,
				   .owner = mem_strdup("app/a"),
				   .key = mem_strdup("k"),
				   .key_size = 1,
				   .value = mem_strdup("v"),
				   .value_size = 1};
	reconcile_local_data.apply(s->reconcile, &change, on_stored, answers);
	run(s);
}

static size_t values_of(const struct stage *s, const char *owner)
{
	size_t count = 0;
	vector_for_each (&s->disk.values, v)
		count += str_equal(v->owner, owner);
	return count;
}

static void local_data_is_answered_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	unsigned answers = 0;
	put_local(s, &answers);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_int_equal(answers, 0);
	answer(s);
	assert_int_equal(answers, 1);
	assert_int_equal(values_of(s, "app/a"), 1);
}

/* Deletion, its record and the answer to zrms are one batch. */
static void deleted_local_data_is_reported_when_that_is_durable(void **state)
{
	struct stage *s = *state;
	unsigned answers = 0;
	put_local(s, &answers);
	answer(s);
	reconcile_local_data.forget(s->reconcile, "app", 9);
	reconcile_local_data.forget(s->reconcile, NULL, 9);
	run(s);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_int_equal(s->upstream.sent, 0);
	answer(s);
	assert_int_equal(values_of(s, "app/a"), 0);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 1);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN);
	assert_int_equal(((const Samoza__V1__DataForgotten *)s->upstream.last)->epoch, 9);
	reconcile_local_data.drop_record(s->reconcile, "app");
	run(s);
	answer(s);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 0);
}

static void without_a_link_zrms_asks_again_for_what_was_deleted(void **state)
{
	struct stage *s = *state;
	s->upstream.is_up = false;
	reconcile_local_data.forget(s->reconcile, "app", 9);
	reconcile_local_data.forget(s->reconcile, NULL, 9);
	run(s);
	answer(s);
	assert_int_equal(s->upstream.sent, 0);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 1);
}

static void no_answer(struct data_client *client, uint32_t correlation, int32_t status,
		      const void *content, size_t size)
{
	(void)client;
	(void)correlation;
	(void)content;
	(void)size;
	fail_msg("answered with %d", status);
}

/* Not before: until then zrms does not know whose request it is. */
static void requests_for_data_that_wait_are_sent_once_zrms_has_accepted(void **state)
{
	struct stage *s = *state;
	const struct zrun_data head = {.key_size = 1};
	uint8_t body[sizeof(head) + 1];
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	struct data_client client = {.key = &key,
				     .topology_name = "app",
				     .capabilities = ZRUN_CAP_DATA_READ,
				     .answer = no_answer};
	key.topology = (char *)"t1";
	key.path = (char *)"a";
	memcpy(mempcpy(body, &head, sizeof(head)), "k", 1);
	data_client_add(s->data, &client);
	s->upstream.is_up = false;
	assert_true(data_request(&client, ZRUN_DATA_GET, 9, body, sizeof(body)));
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	assert_int_equal(s->upstream.sent, 0);
	s->upstream.is_up = true;
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST);
	data_client_remove(&client);
}

/* ---- the end ---- */

static void a_removed_zhost_stops_everything_and_then_ends(void **state)
{
	struct stage *s = *state;
	start_one(s);
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED);
	answer_all(s);
	assert_string_equal(further.asked, "stop");
	resident_done(further.resident);
	run(s);
	answer_all(s);
	assert_string_equal(further.asked, "undeploy");
	assert_int_equal(s->removed, 0);
	resident_done(further.resident);
	run(s);
	answer_all(s);
	assert_int_equal(s->removed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_answered_with_a_hello),
		TEST(an_action_begins_when_its_record_is_durable),
		TEST(a_result_is_reported_when_it_is_durable),
		TEST(the_ports_of_a_start_are_part_of_its_commit),
		TEST(batches_in_flight_are_carried_out_in_order),
		TEST(the_inputs_of_one_turn_are_one_commit),
		TEST(heartbeats_and_further_attempts_come_with_time),
		TEST(a_health_check_that_fails_is_reported),
		TEST(a_process_that_ends_is_reported),
		TEST(a_program_that_finishes_during_its_start_is_reported_as_finished),
		TEST(a_failed_commit_ends_the_program_and_carries_nothing_out),
		TEST(a_store_that_cannot_be_read_fails_the_start),
		TEST(a_record_that_cannot_be_read_fails_the_start),
		TEST(nothing_is_begun_after_the_close),
		TEST(what_was_not_durable_is_unknown_after_a_restart),
		TEST(a_deploy_that_was_durable_is_repeated_after_a_restart),
		TEST(a_running_instance_is_found_with_its_ports),
		TEST(an_end_that_no_zhost_saw_is_reported_with_its_reason),
		TEST(a_program_that_finished_unseen_has_not_failed),
		TEST(an_instance_that_was_ended_with_its_zhost_has_not_failed),
		TEST(local_data_is_answered_when_it_is_durable),
		TEST(deleted_local_data_is_reported_when_that_is_durable),
		TEST(without_a_link_zrms_asks_again_for_what_was_deleted),
		TEST(requests_for_data_that_wait_are_sent_once_zrms_has_accepted),
		TEST(a_removed_zhost_stops_everything_and_then_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
