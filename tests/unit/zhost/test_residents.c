/*
 * Instances on a zhost, without a process: a kind of space that only records what it is asked for
 * takes them through their states. That this kind exists is itself the test that a further kind
 * needs one file and one word.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "kind_further.h"
#include "zhost/mesh/hub_transport.h"
#include "zhost/space/resident_machine.h"

/* What the residents reported. */
struct report {
	unsigned done, ended, removed, ports;
	uint64_t action;
	char error[200];
	bool is_finished, has_error;
	size_t exports;
};

struct fixture {
	struct loop loop;
	char dir[64];
	int dir_fd;
	struct fake_upstream upstream;
	struct spacelogs *logs;
	struct ports *ports;
	struct mesh_transport *transport;
	struct mesh *mesh;
	struct data_service *data;
	struct zrun_processes *processes;
	struct residents *residents;
	struct report report;
	uint64_t next_action;
	int64_t lease_end_ms; /* of exclusive ones; 0: what is ordered is not exclusive */
};

static void keep_error(struct report *r, const char *error)
{
	r->has_error = error != NULL;
	snprintf(r->error, sizeof(r->error), "%s", error != NULL ? error : "");
}

static void on_action_done(void *user, uint64_t action, const struct action_end *end,
			   Samoza__V1__Variable *const *exports, size_t n_exports)
{
	struct fixture *f = user;
	(void)exports;
	f->report.done++;
	f->report.action = action;
	f->report.is_finished = end->is_finished;
	f->report.exports = n_exports;
	keep_error(&f->report, end->error);
}

static void on_ended(void *user, const Samoza__V1__InstanceKey *key, bool is_finished,
		     bool is_ended, bool not_renewed, const char *error)
{
	(void)is_ended;
	(void)not_renewed;
	struct fixture *f = user;
	(void)key;
	f->report.ended++;
	f->report.is_finished = is_finished;
	keep_error(&f->report, error);
}

static void on_ports_changed(void *user, const char *id)
{
	struct fixture *f = user;
	(void)id;
	f->report.ports++;
}

static void on_removed(void *user)
{
	struct fixture *f = user;
	f->report.removed++;
}

static const struct residents_listener listener = {.action_done = on_action_done,
						   .ended = on_ended,
						   .ports_changed = on_ports_changed,
						   .removed = on_removed};

static bool every_port_is_free(uint16_t port)
{
	(void)port;
	return true;
}

static void make(struct fixture *f, unsigned starts_at_once)
{
	struct zrun_processes_options processes = {.loop = &f->loop, .run_fd = f->dir_fd};
	f->logs = spacelogs_new(f->dir_fd);
	f->ports = ports_new("127.0.0.1", 1, every_port_is_free);
	f->transport = hub_transport_new(&f->upstream.upstream);
	f->mesh = mesh_new(&f->loop, "n1", f->transport);
	f->data = data_service_new(&f->loop, &f->upstream.upstream, NULL, NULL);
	f->processes = zrun_processes_new(&processes);
	struct residents_parts parts = {.loop = &f->loop,
					.zhost = "n1",
					.starts_at_once = starts_at_once,
					.data = f->data,
					.mesh = f->mesh,
					.ports = f->ports,
					.logs = f->logs,
					.processes = f->processes};
	f->residents = residents_new(&parts, &listener, f);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	further = (struct further){0};
	snprintf(f->dir, sizeof(f->dir), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(f->dir) == NULL)
		return -1;
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	sim_loop_init(&f->loop);
	fake_upstream_init(&f->upstream);
	make(f, 2);
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	residents_free(f->residents);
	zrun_processes_free(f->processes);
	data_service_free(f->data);
	mesh_free(f->mesh);
	mesh_transport_free(f->transport);
	ports_free(f->ports);
	spacelogs_free(f->logs);
	fake_upstream_done(&f->upstream);
	sim_loop_done(&f->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", f->dir);
	close(f->dir_fd);
	int r = system(command);
	free(f);
	return r;
}

/* ---- what the core orders ---- */

static Samoza__V1__Variable port = {PROTOBUF_C_MESSAGE_INIT(&samoza__v1__variable__descriptor),
				    .name = (char *)"http", .value = (char *)""};
static Samoza__V1__Variable *exports[] = {&port};

static void order(struct fixture *f, enum agent_action kind, const char *path)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	key.topology = (char *)"t1";
	key.path = (char *)path;
	key.epoch = 3;
	spec.topology_name = (char *)"app";
	spec.space = (char *)"space";
	spec.type = FURTHER_TYPE;
	spec.exports = exports;
	spec.n_exports = 1;
	spec.has_exclusive = spec.exclusive = f->lease_end_ms != 0;
	struct agent_order o = {.type = ORDER_ACTION,
				.action = ++f->next_action,
				.kind = kind,
				.key = &key,
				.spec = &spec,
				.serves = true,
				.grace_ms = 700,
				.stop_ms = f->lease_end_ms != 0 ? f->lease_end_ms : NEVER_MS,
				.deadline_ms =
					f->lease_end_ms != 0 ? f->lease_end_ms : NEVER_MS};
	struct task task;
	task_init(&task, &o);
	residents_carry_out(f->residents, &task);
	task_done(&task);
}

static void order_kill(struct fixture *f, const char *path, uint64_t epoch)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"t1";
	key.path = (char *)path;
	key.epoch = epoch;
	struct agent_order o = {.type = ORDER_KILL,
				.action = f->next_action,
				.kind = ACTION_START,
				.key = &key};
	struct task task;
	task_init(&task, &o);
	residents_carry_out(f->residents, &task);
	task_done(&task);
}

static void deploy_and_start(struct fixture *f, const char *path)
{
	order(f, ACTION_DEPLOY, path);
	resident_done(further.resident);
	order(f, ACTION_START, path);
	resident_done(further.resident);
}

static void expect_done(struct fixture *f, const char *error)
{
	assert_int_equal(f->report.done, 1);
	assert_int_equal(f->report.action, f->next_action);
	assert_string_equal(f->report.error, error);
	assert_int_equal(f->report.has_error, error[0] != '\0');
	f->report.done = 0;
}

/* ---- tests ---- */

static void a_further_kind_needs_one_file_and_one_word(void **state)
{
	(void)state;
	CLEANUP(freep) char *types = space_kind_type_list();
	assert_string_equal(space_kind_of(FURTHER_TYPE)->name, "further");
	assert_string_equal(types, "UI, IO, DATA, CHAT, CALL, NATIVE or FURTHER");
	assert_ptr_equal(space_runtime_of(FURTHER_TYPE)->kind, space_kind_of(FURTHER_TYPE));
	assert_null(space_kind_of((Samoza__V1__SpaceType)62));
}

static void the_table_of_states_is_sound(void **state)
{
	(void)state;
	CLEANUP(freep) char *wrong = state_machine_check_table(&resident_machine);
	assert_null(wrong);
}

static void an_instance_goes_through_its_actions(void **state)
{
	struct fixture *f = *state;
	order(f, ACTION_DEPLOY, "a");
	assert_string_equal(further.asked, "deploy");
	assert_int_equal(f->report.done, 0);
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYING);
	resident_done(further.resident);
	expect_done(f, "");
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);

	order(f, ACTION_START, "a");
	assert_string_equal(further.asked, "start");
	assert_int_equal(further.resident->n_exports, 1);
	assert_int_equal(f->report.ports, 1);
	resident_join_mesh(further.resident);
	resident_done(further.resident);
	expect_done(f, "");
	assert_int_equal(f->report.exports, 1);
	assert_int_equal(further.resident->state, RESIDENT_STARTED);
	assert_true(further.resident->peer->is_open);

	order(f, ACTION_UPDATE, "a");
	assert_string_equal(further.asked, "update");
	assert_int_equal(further.resident->state, RESIDENT_UPDATING);
	resident_updated(further.resident, 0, "", 0);
	expect_done(f, "");

	order(f, ACTION_STOP, "a");
	assert_string_equal(further.asked, "stop");
	assert_int_equal(further.grace_ms, 700);
	assert_false(further.resident->peer->is_open);
	resident_done(further.resident);
	expect_done(f, "");
	assert_null(further.resident->peer);

	order(f, ACTION_UNDEPLOY, "a");
	assert_string_equal(further.asked, "undeploy");
	resident_done(further.resident);
	expect_done(f, "");
	assert_int_equal(f->report.ports, 2);
	assert_int_equal(residents_counters(f->residents).instances, 0);
}

static void a_failed_deploy_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	order(f, ACTION_DEPLOY, "a");
	resident_failed(further.resident, "no such artifact");
	expect_done(f, "no such artifact");
	assert_int_equal(residents_counters(f->residents).instances, 0);
}

static void a_failed_start_can_be_repeated(void **state)
{
	struct fixture *f = *state;
	order(f, ACTION_DEPLOY, "a");
	resident_done(further.resident);
	f->report.done = 0;
	order(f, ACTION_START, "a");
	resident_failed(further.resident, "no memory");
	expect_done(f, "no memory");
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
	assert_int_equal(residents_counters(f->residents).start_failures, 1);
	order(f, ACTION_START, "a");
	resident_done(further.resident);
	expect_done(f, "");
}

static void an_exclusive_one_is_not_started_after_the_end_of_its_lease(void **state)
{
	struct fixture *f = *state;
	f->lease_end_ms = loop_now(&f->loop).mono_ms + 1000;
	order(f, ACTION_DEPLOY, "a");
	resident_done(further.resident);
	f->report.done = 0;
	sim_loop_run(&f->loop, 1000);
	order(f, ACTION_START, "a");
	assert_string_equal(further.asked, "deploy");
	expect_done(f, "its lease ended before it could start");
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
	f->lease_end_ms++;
	order(f, ACTION_START, "a");
	assert_string_equal(further.asked, "start");
	resident_done(further.resident);
	expect_done(f, "");
}

static void starts_beyond_the_slots_wait_in_order(void **state)
{
	struct fixture *f = *state;
	struct resident *all[4];
	for (int i = 0; i < 4; i++) {
		char path[2] = {(char)('a' + i), '\0'};
		order(f, ACTION_DEPLOY, path);
		all[i] = further.resident;
		resident_done(all[i]);
	}
	for (int i = 0; i < 4; i++) {
		char path[2] = {(char)('a' + i), '\0'};
		order(f, ACTION_START, path);
	}
	assert_int_equal(all[1]->state, RESIDENT_STARTING);
	assert_int_equal(all[2]->state, RESIDENT_QUEUED);
	assert_int_equal(all[3]->state, RESIDENT_QUEUED);
	assert_int_equal(residents_counters(f->residents).starting, 2);
	resident_leave_slot(all[0]); /* its process made contact */
	assert_int_equal(all[2]->state, RESIDENT_STARTING);
	assert_int_equal(all[3]->state, RESIDENT_QUEUED);
	resident_failed(all[1], "no memory");
	assert_int_equal(all[3]->state, RESIDENT_STARTING);
}

static void a_queued_start_that_takes_too_long_fails(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		char path[2] = {(char)('a' + i), '\0'};
		order(f, ACTION_DEPLOY, path);
		resident_done(further.resident);
	}
	for (int i = 0; i < 3; i++) {
		char path[2] = {(char)('a' + i), '\0'};
		order(f, ACTION_START, path);
	}
	f->report.done = 0;
	further.asked = "";
	order_kill(f, "c", 3);
	expect_done(f, "timed out waiting for a start slot (--starts-at-once)");
	assert_string_equal(further.asked, "");
	order_kill(f, "a", 3);
	assert_string_equal(further.asked, "kill");
}

static void a_kill_of_another_epoch_is_ignored(void **state)
{
	struct fixture *f = *state;
	deploy_and_start(f, "a");
	order_kill(f, "a", 2);
	assert_string_equal(further.asked, "start");
	order_kill(f, "a", 3);
	assert_string_equal(further.asked, "kill");
}

static struct exit_report exited(bool is_finished, bool is_asked, const char *error)
{
	return (struct exit_report){.is_known = true,
				    .is_finished = is_finished,
				    .is_asked = is_asked,
				    .error = (char *)error};
}

static void an_end_without_being_asked_is_reported(void **state)
{
	struct fixture *f = *state;
	deploy_and_start(f, "a");
	f->report.done = 0;
	struct exit_report report = exited(false, false, "killed by signal 9");
	resident_ended(further.resident, &report);
	assert_int_equal(f->report.ended, 1);
	assert_int_equal(f->report.done, 0);
	assert_string_equal(f->report.error, "killed by signal 9");
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
	/* The core decided to stop it before it heard. */
	order(f, ACTION_STOP, "a");
	expect_done(f, "");
	order(f, ACTION_UPDATE, "a");
	expect_done(f, "");
}

static void an_end_during_an_update_completes_the_update_first(void **state)
{
	struct fixture *f = *state;
	deploy_and_start(f, "a");
	f->report.done = 0;
	order(f, ACTION_UPDATE, "a");
	struct exit_report report = exited(false, false, "trap: unreachable");
	resident_ended(further.resident, &report);
	assert_int_equal(f->report.ended, 1);
	assert_int_equal(f->report.done, 1);
	assert_int_equal(f->report.action, f->next_action);
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
}

static void an_end_before_the_start_has_completed_fails_the_start(void **state)
{
	struct fixture *f = *state;
	order(f, ACTION_DEPLOY, "a");
	resident_done(further.resident);
	order(f, ACTION_START, "a");
	f->report.done = 0;
	struct exit_report report = exited(false, false, "");
	resident_ended(further.resident, &report);
	expect_done(f, "ended before it was started");
	assert_int_equal(f->report.ended, 0);
}

static void a_program_that_finishes_during_its_start_has_not_failed(void **state)
{
	struct fixture *f = *state;
	order(f, ACTION_DEPLOY, "a");
	resident_done(further.resident);
	order(f, ACTION_START, "a");
	f->report.done = 0;
	struct exit_report report = exited(true, false, "");
	resident_ended(further.resident, &report);
	expect_done(f, "");
	assert_true(f->report.is_finished);
}

static void an_instance_that_began_to_stop_by_itself_is_stopped(void **state)
{
	struct fixture *f = *state;
	deploy_and_start(f, "a");
	order(f, ACTION_STOP, "a");
	f->report.done = 0;
	struct exit_report report =
		exited(false, true, "stopped by itself: no zhost for too long");
	resident_ended(further.resident, &report);
	expect_done(f, "");
}

static bool load(struct fixture *f, Samoza__V1__Phase phase, bool is_running)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__DesiredInstance desired = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	struct exit_report report;
	key.topology = (char *)"t1";
	key.path = (char *)"a";
	spec.topology_name = (char *)"app";
	spec.space = (char *)"space";
	spec.type = FURTHER_TYPE;
	desired.key = &key;
	desired.spec = &spec;
	further.is_running = is_running;
	residents_load(f->residents, &desired, phase);
	assert_int_equal(residents_await_hello(f->residents, NULL), 0);
	bool is_alive = residents_take_up(f->residents, &key, &report);
	further.resident = resident_find(f->residents, &key);
	return is_alive;
}

static void a_running_instance_is_adopted_after_a_restart(void **state)
{
	struct fixture *f = *state;
	assert_true(load(f, SAMOZA__V1__PHASE__PHASE_STARTED, true));
	assert_int_equal(further.resident->state, RESIDENT_STARTED);
	assert_true(further.resident->peer->is_open);
}

static void an_instance_that_no_longer_runs_is_not_adopted(void **state)
{
	struct fixture *f = *state;
	assert_false(load(f, SAMOZA__V1__PHASE__PHASE_STARTED, false));
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
}

static void nothing_is_adopted_between_actions(void **state)
{
	struct fixture *f = *state;
	assert_false(load(f, SAMOZA__V1__PHASE__PHASE_DEPLOYED, true));
	assert_int_equal(further.resident->state, RESIDENT_DEPLOYED);
}

static void usage_is_what_the_kind_adds(void **state)
{
	struct fixture *f = *state;
	struct usage_sum sum = {0};
	deploy_and_start(f, "a");
	deploy_and_start(f, "b");
	residents_usage(f->residents, &sum);
	assert_int_equal(sum.memory_pages, 14);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_further_kind_needs_one_file_and_one_word),
		TEST(the_table_of_states_is_sound),
		TEST(an_instance_goes_through_its_actions),
		TEST(a_failed_deploy_leaves_nothing),
		TEST(a_failed_start_can_be_repeated),
		TEST(an_exclusive_one_is_not_started_after_the_end_of_its_lease),
		TEST(starts_beyond_the_slots_wait_in_order),
		TEST(a_queued_start_that_takes_too_long_fails),
		TEST(a_kill_of_another_epoch_is_ignored),
		TEST(an_end_without_being_asked_is_reported),
		TEST(an_end_during_an_update_completes_the_update_first),
		TEST(an_end_before_the_start_has_completed_fails_the_start),
		TEST(a_program_that_finishes_during_its_start_has_not_failed),
		TEST(an_instance_that_began_to_stop_by_itself_is_stopped),
		TEST(a_running_instance_is_adopted_after_a_restart),
		TEST(an_instance_that_no_longer_runs_is_not_adopted),
		TEST(nothing_is_adopted_between_actions),
		TEST(usage_is_what_the_kind_adds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
