/* zhost/space/kind_wasm.c: what a WebAssembly space does for each action. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "kind_stage.h"
#include "model/space_defaults.h"

static struct instance wasm(void)
{
	struct instance i;
	instance_init(&i, "a", SAMOZA__V1__SPACE_TYPE__CALL);
	return i;
}

static void wasm_runs_its_module_with_its_identity_exports_and_imports(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	static char *capabilities[] = {(char *)"net.emit", (char *)"sys.log"};
	i.n_imports = 1;
	i.spec.capabilities = capabilities;
	i.spec.n_capabilities = 2;
	i.spec.has_stop_grace_ms = true;
	i.spec.stop_grace_ms = 900;
	deploy(s, &i);
	assert_int_equal(s->host.all.count, 0); /* no process for a deploy */
	order(s, &i, ACTION_START);
	const struct fake_zrun *z = fake_zrun_last(&s->host);
	CLEANUP(freep)
	char *module = str_printf("%s/%s", s->cache_path, digest_of("module"));
	assert_string_equal(z->module_path, module);
	assert_int_equal(z->epoch, EPOCH);
	assert_int_equal(z->capabilities, ZRUN_CAP_NET_EMIT | ZRUN_CAP_SYS_LOG);
	assert_int_equal(z->memory_bytes, space_defaults().memory_bytes);
	assert_int_equal(z->grace_ms, 900);
	assert_string_equal(z->imports, "db.port=42\ndb-1.port=42\n");
	CLEANUP(freep)
	char *port = str_printf("SAMOZA_EXPORT_http=%s", resident_of(s, &i)->exports[0]->value);
	assert_line(z->environment, port);
	assert_line(z->environment, "SAMOZA_ZHOST=n1");
	assert_string_equal(z->settings, "");
	assert_false(z->has_filter);
	assert_int_equal(s->done, 0); /* it has not started yet */
}

static void wasm_memory_is_what_the_space_asks_for(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	i.spec.has_memory_bytes = true;
	i.spec.memory_bytes = 7 << 20;
	deploy(s, &i);
	assert_int_equal(start(s, &i)->memory_bytes, 7 << 20);
}

static void wasm_is_reached_in_the_mesh_once_it_has_started(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	order(s, &i, ACTION_START);
	assert_non_null(resident_of(s, &i)->peer);
	assert_false(resident_of(s, &i)->peer->is_open);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	assert_true(resident_of(s, &i)->peer->is_open);
}

static void the_next_start_begins_with_the_hello_of_the_one_before(void **state)
{
	struct stage *s = *state;
	struct instance a = wasm(), b = wasm();
	b.key.path = (char *)"b";
	deploy(s, &a);
	deploy(s, &b);
	order(s, &a, ACTION_START);
	order(s, &b, ACTION_START);
	assert_int_equal(resident_of(s, &b)->state, RESIDENT_QUEUED);
	fake_zrun_hello(fake_zrun_last(&s->host), ZRUN_PHASE_STARTING);
	loop_run_ready(&s->loop);
	assert_int_equal(resident_of(s, &a)->state, RESIDENT_STARTING);
	assert_int_equal(resident_of(s, &b)->state, RESIDENT_STARTING);
}

static void wasm_without_its_module_waits_until_it_is_killed(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	i.spec.native_digest = digest_of("not in the cache");
	order(s, &i, ACTION_DEPLOY);
	assert_int_equal(s->done, 0);
	order_kill(s, &i, ACTION_DEPLOY);
	expect_done(s, "the artifact did not arrive in time");
	assert_null(resident_of(s, &i));
}

static void wasm_whose_module_was_evicted_fetches_it_again_at_its_start(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	assert_true(artifact_remove(s->store, digest_of("module")));
	order(s, &i, ACTION_START);
	assert_int_equal(s->host.all.count, 0);
	order_kill(s, &i, ACTION_START);
	expect_done(s, "the artifact did not arrive in time");
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_DEPLOYED);
}

static void wasm_whose_launch_fails_can_be_started_again(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	s->host.launch_fails = true;
	order(s, &i, ACTION_START);
	expect_done(s, "the request is too large");
	assert_null(resident_of(s, &i)->peer);
	s->host.launch_fails = false;
	(void)start(s, &i);
}

static void wasm_gets_new_imports_as_a_frame(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	char body[64];
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	assert_int_equal(((const struct zrun_update *)body)->count, 2);
	assert_int_equal(s->done, 0);
	fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){0},
		       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	expect_done(s, "");
	order(s, &i, ACTION_UPDATE);
	fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){.result = -3},
		       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	expect_done(s, "on_update returned -3");
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_STARTED);
}

static void wasm_has_stopped_when_its_process_has_ended(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct zrun_stop stop;
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	order(s, &i, ACTION_STOP);
	assert_int_equal(receive(s, z, &stop, sizeof(stop)), ZRUN_STOP);
	assert_in_range(stop.grace_ms, 1, 700);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	loop_run_ready(&s->loop);
	assert_int_equal(s->done, 0);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	order(s, &i, ACTION_UNDEPLOY);
	expect_done(s, "");
	assert_null(resident_of(s, &i));
	assert_false(file_exists(s, &i, "s") || file_exists(s, &i, "e"));
}

static void wasm_that_is_killed_loses_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	order_kill(s, &i, ACTION_UPDATE); /* on_update cannot be ended alone */
	assert_true(z->is_killed);
	fake_zrun_exit(z, SIGKILL);
	expect_done(s, "killed by signal 9 (Killed)");
	assert_int_equal(s->ended, 1);
}

static void wasm_that_finishes_during_its_start_has_not_failed(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	order(s, &i, ACTION_START);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_stopped(z, ZRUN_STOPPED_FINISHED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	assert_true(s->is_finished);
}

static void a_lease_is_for_exclusive_instances(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct zrun_renew renew;
	i.spec.has_exclusive = i.spec.exclusive = true;
	i.deadline_ms = loop_now(&s->loop).mono_ms + 60000;
	i.stop_ms = i.deadline_ms - 3000;
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	assert_int_equal(z->end_at_ms - z->stop_at_ms, 3000);
	assert_int_equal(receive(s, z, &renew, sizeof(renew)), ZRUN_RENEW); /* after HELLO */
	order_renew(s, &i, i.deadline_ms + 10000);
	assert_int_equal(receive(s, z, &renew, sizeof(renew)), ZRUN_RENEW);
	assert_in_range(renew.end_at_ms, z->end_at_ms + 9000, z->end_at_ms + 11000);
}

/* Also one that is not exclusive itself: it may be inside of one that is. */
static void there_is_no_lease_before_one_is_ordered(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct zrun_renew renew;
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	assert_int_equal(z->end_at_ms, 0);
	order_renew(s, &i, loop_now(&s->loop).mono_ms + 60000);
	assert_int_equal(receive(s, z, &renew, sizeof(renew)), ZRUN_RENEW);
	assert_int_equal(renew.end_at_ms - renew.stop_at_ms, 3000);
}

static void the_usage_of_an_instance_is_that_of_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct usage_sum sum = {.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	deploy(s, &i);
	residents_usage(s->residents, &sum);
	assert_int_equal(sum.memory_pages, 0);
	s->host.pid = getpid();
	(void)start(s, &i);
	residents_usage(s->residents, &sum);
	assert_true(sum.memory_pages > 0);
	(void)close(sum.proc_fd);
}

static int32_t emit_to(struct stage *s, struct fake_zrun *z, const char *address, size_t size)
{
	static char body[sizeof(struct zrun_emit) + ZRUN_ADDRESS_MAX + ZRUN_PAYLOAD_MAX + 1];
	size_t address_size = strlen(address);
	const struct zrun_emit head = {.address_size = (uint16_t)address_size};
	struct zrun_result result = {0};
	memcpy(mempcpy(body, &head, sizeof(head)), address, address_size);
	fake_zrun_send(z, ZRUN_EMIT, 1, body, sizeof(head) + address_size + size);
	loop_run_ready(&s->loop);
	assert_int_equal(receive(s, z, &result, sizeof(result)), ZRUN_EMIT_RESULT);
	return result.status;
}

static int32_t emit(struct stage *s, struct fake_zrun *z, size_t size)
{
	return emit_to(s, z, "web", size);
}

static void an_instance_sends_only_what_it_may(void **state)
{
	static char *capabilities[] = {(char *)"net.emit"};
	struct stage *s = *state;
	struct instance without = wasm();
	deploy(s, &without);
	assert_int_equal(emit(s, start(s, &without), 1), -EPERM);
	struct instance with = wasm();
	with.key.path = (char *)"b";
	with.spec.capabilities = capabilities;
	with.spec.n_capabilities = 1;
	deploy(s, &with);
	struct fake_zrun *z = start(s, &with);
	assert_int_equal(emit(s, z, 0), -EINVAL);
	assert_int_equal(emit(s, z, ZRUN_PAYLOAD_MAX + 1), -EMSGSIZE);
	assert_int_equal(emit(s, z, 1), -ENOENT); /* it has no path of that name */
}

/* ---- after a restart of zhost ---- */

static void the_exit_report_of_a_process_that_is_gone_is_found(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct exit_report report;
	const struct zrun_stopped stopped = {.cause = ZRUN_STOPPED_FINISHED};
	const struct zrun_frame frame = {.size = sizeof(stopped), .type = ZRUN_STOPPED};
	char name[INSTANCE_FILE_NAME_SIZE];
	instance_file_name("t1", "a", EPOCH, name);
	CLEANUP(freep) char *file = str_printf("%s.e", name);
	int fd = openat(s->dir.run_fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(fd, &stopped, sizeof(stopped)), sizeof(stopped));
	(void)close(fd);
	assert_false(load(s, &i, &report));
	assert_true(report.is_known && report.is_finished);
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_DEPLOYED);
	free(report.error);
}

/* ---- a copy that has handed over ---- */

struct farewell_stage {
	struct stage *s;
	struct fake_zrun *z;
	struct instance i;
	int64_t begun_ms, until_ms;
	uint32_t grace_ms; /* of the stop; 0: not asked yet */
};

static bool is_asked_to_stop(void *user)
{
	struct farewell_stage *f = user;
	struct zrun_stop stop;
	size_t size;
	uint16_t type;
	while ((type = fake_zrun_receive(f->z, &stop, sizeof(stop), &size)) != 0)
		if (type == ZRUN_STOP)
			f->grace_ms = stop.grace_ms;
	return f->grace_ms > 0 ||
	       (f->until_ms > 0 && loop_now(&f->s->loop).mono_ms >= f->until_ms);
}

/* It is told to stop, after so many messages have come to it. */
static void leave_with_messages(struct farewell_stage *f, struct stage *s, unsigned messages,
				int64_t grace_ms)
{
	*f = (struct farewell_stage){.s = s, .i = wasm()};
	deploy(s, &f->i);
	f->z = start(s, &f->i);
	for (unsigned k = 0; k < messages; k++)
		assert_int_equal(zrun_process_deliver(resident_of(s, &f->i)->process,
						      "questions", "b", "", 0, "?", 1),
				 0);
	f->i.has_left = true;
	f->i.grace_ms = grace_ms;
	f->begun_ms = loop_now(&s->loop).mono_ms;
	order(s, &f->i, ACTION_STOP);
	f->i.grace_ms = 700;
}

static void a_copy_that_has_handed_over_takes_what_waits_for_it(void **state)
{
	struct farewell_stage f;
	leave_with_messages(&f, *state, ZRUN_CREDIT_MESSAGES, 60000);
	assert_true(resident_of(f.s, &f.i)->peer->is_open);
	f.until_ms = f.begun_ms + 1200;
	loop_run_until(&f.s->loop, is_asked_to_stop, &f);
	assert_int_equal(f.grace_ms, 0); /* it may have taken none of them */
	struct zrun_credit credit = {ZRUN_CREDIT_MESSAGES, 1};
	fake_zrun_send(f.z, ZRUN_CREDIT, 0, &credit, sizeof(credit));
	f.until_ms = 0;
	loop_run_until(&f.s->loop, is_asked_to_stop, &f);
	assert_in_range(f.grace_ms, 30000, 58800);
}

static void a_copy_that_has_handed_over_has_half_of_its_grace_to_stop(void **state)
{
	struct farewell_stage f;
	leave_with_messages(&f, *state, ZRUN_CREDIT_MESSAGES, 300);
	assert_int_equal(f.grace_ms, 0);
	loop_run_until(&f.s->loop, is_asked_to_stop, &f);
	assert_true(loop_now(&f.s->loop).mono_ms >= f.begun_ms + 150);
	assert_in_range(f.grace_ms, 1, 150);
	assert_false(resident_of(f.s, &f.i)->peer->is_open);
}

static void a_copy_that_has_handed_over_and_was_never_asked_stops_at_once(void **state)
{
	struct farewell_stage f;
	leave_with_messages(&f, *state, 0, 60000);
	f.until_ms = 1; /* only what is there */
	assert_true(is_asked_to_stop(&f));
	assert_in_range(f.grace_ms, 30001,
			60000); /* all of it, but for what a loaded machine takes */
}

/* `b`, `c~7` and `third` have asked it something; it sends to these addresses, as far as there are any, and is told to stop. Returns after
 * how many milliseconds it is asked to. */
static int64_t leave_after(struct stage *s, const char *third, const char *const addresses[4])
{
	static char *capabilities[] = {(char *)"net.emit"};
	struct farewell_stage f = {.s = s, .i = wasm()};
	f.i.spec.capabilities = capabilities;
	f.i.spec.n_capabilities = 1;
	deploy(f.s, &f.i);
	f.z = start(f.s, &f.i);
	struct mesh_receiver *receiver = &resident_of(f.s, &f.i)->receiver;
	assert_int_equal(receiver->deliver(receiver, "questions", "b", "", 0, "?", 1), 0);
	assert_int_equal(receiver->deliver(receiver, "questions", "c", "~7", 2, "?", 1), 0);
	assert_int_equal(receiver->deliver(receiver, "questions", third, "", 0, "?", 1), 0);
	static char message[ZRUN_PAYLOAD_MAX];
	loop_run_ready(&s->loop);
	while (fake_zrun_receive(f.z, message, sizeof(message), &(size_t){0}) != 0)
		;
	for (unsigned k = 0; k < 4 && addresses[k] != NULL; k++)
		(void)emit_to(f.s, f.z, addresses[k], 1);
	f.i.has_left = true;
	f.i.grace_ms = 60000;
	f.begun_ms = loop_now(&f.s->loop).mono_ms;
	order(f.s, &f.i, ACTION_STOP);
	f.i.grace_ms = 700;
	loop_run_until(&f.s->loop, is_asked_to_stop, &f);
	int64_t took_ms = loop_now(&f.s->loop).mono_ms - f.begun_ms;
	s->done = 0;
	fake_zrun_stopped(f.z, ZRUN_STOPPED_ASKED);
	loop_run_ready(&s->loop);
	fake_zrun_exit(f.z, 0);
	expect_done(s, "");
	order(s, &f.i, ACTION_UNDEPLOY);
	expect_done(s, "");
	return took_ms;
}

static void a_copy_that_was_asked_just_now_may_answer_before_it_stops(void **state)
{
	assert_true(leave_after(*state, "d", (const char *[4]){NULL}) >= 400);
}

static void a_copy_that_owes_one_more_answer_may_give_it_before_it_stops(void **state)
{
	assert_true(leave_after(*state, "d",
				(const char *[4]){"questions#b", "questions#c~7"}) >= 400);
}

static void a_copy_that_has_answered_all_that_it_was_asked_stops_soon(void **state)
{
	static const char *const sent[4] = {"questions#c~7", "questions#b", "questions#d"};
	int64_t took_ms = 1000;
	/* The soonest of some: a loaded machine is late now and then. */
	for (unsigned turn = 0; turn < 20 && took_ms > 350; turn++) {
		took_ms = leave_after(*state, "d", sent);
		assert_true(took_ms >= 50);
	}
	assert_true(took_ms <= 350);
}

/* An answer may have parts. */
static void a_copy_that_one_has_asked_two_things_may_answer_both_before_it_stops(void **state)
{
	static const char *const sent[4] = {"questions#c~7", "questions#b", "questions#b"};
	assert_true(leave_after(*state, "b", sent) >= 400);
}

static void a_copy_that_has_asked_something_itself_may_hear_the_answer(void **state)
{
	static const char *const sent[4] = {"questions#c~7", "questions#b", "questions#d",
					    "stores"};
	assert_true(leave_after(*state, "d", sent) >= 400);
}

static void a_copy_that_serves_is_asked_to_stop_at_once(void **state)
{
	struct farewell_stage f = {.s = *state, .i = wasm()};
	deploy(f.s, &f.i);
	f.z = start(f.s, &f.i);
	f.i.grace_ms = 60000;
	order(f.s, &f.i, ACTION_STOP);
	f.i.grace_ms = 700;
	f.until_ms = 1; /* only what is there */
	assert_true(is_asked_to_stop(&f));
	assert_in_range(f.grace_ms, 30001, 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kinds_begin, kinds_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wasm_runs_its_module_with_its_identity_exports_and_imports),
		TEST(wasm_memory_is_what_the_space_asks_for),
		TEST(wasm_is_reached_in_the_mesh_once_it_has_started),
		TEST(the_next_start_begins_with_the_hello_of_the_one_before),
		TEST(wasm_without_its_module_waits_until_it_is_killed),
		TEST(wasm_whose_module_was_evicted_fetches_it_again_at_its_start),
		TEST(wasm_whose_launch_fails_can_be_started_again),
		TEST(wasm_gets_new_imports_as_a_frame),
		TEST(wasm_has_stopped_when_its_process_has_ended),
		TEST(a_copy_that_has_handed_over_takes_what_waits_for_it),
		TEST(a_copy_that_has_handed_over_has_half_of_its_grace_to_stop),
		TEST(a_copy_that_has_handed_over_and_was_never_asked_stops_at_once),
		TEST(a_copy_that_was_asked_just_now_may_answer_before_it_stops),
		TEST(a_copy_that_owes_one_more_answer_may_give_it_before_it_stops),
		TEST(a_copy_that_has_answered_all_that_it_was_asked_stops_soon),
		TEST(a_copy_that_one_has_asked_two_things_may_answer_both_before_it_stops),
		TEST(a_copy_that_has_asked_something_itself_may_hear_the_answer),
		TEST(a_copy_that_serves_is_asked_to_stop_at_once),
		TEST(wasm_that_is_killed_loses_its_process),
		TEST(wasm_that_finishes_during_its_start_has_not_failed),
		TEST(a_lease_is_for_exclusive_instances),
		TEST(there_is_no_lease_before_one_is_ordered),
		TEST(the_usage_of_an_instance_is_that_of_its_process),
		TEST(an_instance_sends_only_what_it_may),
		TEST(the_exit_report_of_a_process_that_is_gone_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
