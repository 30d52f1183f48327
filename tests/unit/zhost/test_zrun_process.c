/* zhost/process/zrun_process.h: launch, frames, connection and end of an honest process. */
#include "zrun_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/* ---- launch ---- */

static void a_launch_names_the_instance_its_limits_and_its_descriptors(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 5000, 6000);
	assert_string_equal(z->topology, "t1");
	assert_string_equal(z->path, "api-2");
	assert_int_equal(z->epoch, 7);
	assert_string_equal(z->module_path, "/cache/module.so");
	assert_int_equal(z->watchdog_ms, 30000);
	assert_int_equal(z->orphan_ms, 600000);
	assert_int_equal(z->stop_at_ms, 5000);
	assert_int_equal(z->end_at_ms, 6000);
	assert_true(z->listener_fd >= 0 && z->status_fd >= 0);
	assert_int_equal(zrun_process_pid(s->process), z->pid);
	assert_true(file_exists(s, "s") && file_exists(s, "e"));
}

static void a_launch_that_is_refused_leaves_no_files(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	struct launch_request q = {0};
	const struct zrun_lease lease = {0};
	s->host.launch_fails = true;
	assert_int_equal(zrun_process_start(s->processes, &s->identity, &q, &lease,
					    &zrun_stage_listener, s, &s->process, &err),
			 ERR_LIMIT);
	assert_string_equal(err->message, "the request is too large");
	assert_null(s->process);
	assert_false(file_exists(s, "s") || file_exists(s, "e"));
	assert_log(s, "");
}

static void a_launch_that_fails_later_is_reported_as_an_end(void **state)
{
	struct stage *s = *state;
	s->host.holds = true;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	assert_int_equal(zrun_process_pid(s->process), -1);
	fake_zrun_launched(z, -1, "cannot fork: no memory");
	assert_report(s, false, false, false, "cannot fork: no memory");
	assert_false(file_exists(s, "s") || file_exists(s, "e"));
}

static void a_process_that_cannot_be_watched_is_reported_as_an_end(void **state)
{
	struct stage *s = *state;
	s->host.holds = s->host.watch_fails = true;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	fake_zrun_launched(z, -1, NULL);
	assert_log(s, "ended");
	assert_int_equal(s->report.is_known, false);
}

static pid_t child_new(void)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		for (;;)
			(void)pause();
	return child;
}

static void a_kill_before_the_launch_completes_reaches_the_process(void **state)
{
	struct stage *s = *state;
	s->host.holds = true;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	zrun_process_kill(s->process);
	pid_t child = child_new();
	fake_zrun_launched(z, (int)syscall(SYS_pidfd_open, child, 0), NULL);
	assert_killed(child);
}

static void a_released_process_continues(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	zrun_process_release(s->process);
	s->process = NULL;
	assert_false(z->is_killed || z->is_watched);
	assert_true(file_exists(s, "s") && file_exists(s, "e"));
	assert_log(s, "");
}

/* ---- frames of an honest zrun ---- */

static void a_hello_in_pieces_is_one_hello(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	char frame[512];
	struct zrun_hello hello = {
		.version = ZRUN_PROTOCOL_VERSION, .epoch = 7, .phase = ZRUN_PHASE_STARTED};
	size_t size = fake_hello(frame, sizeof(frame), &hello, "t1", "api-2");
	fake_zrun_accept(z);
	for (size_t i = 0; i < size; i++) {
		assert_log(s, "");
		assert_int_equal(send(z->fd, frame + i, 1, 0), 1);
		loop_run_ready(&s->loop);
	}
	assert_log(s, "connected(1)");
}

static void what_zrun_reports_reaches_the_listener(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	char body[64];
	struct zrun_log line = {.wall_ms = 12, .level = ZRUN_LEVEL_WARN};
	memcpy(mempcpy(body, &line, sizeof(line)), "hm", 2);
	fake_zrun_send(z, ZRUN_LOG, 0, body, sizeof(line) + 2);
	struct zrun_updated updated = {.result = -3};
	memcpy(mempcpy(body, &updated, sizeof(updated)), "no", 2);
	fake_zrun_send(z, ZRUN_UPDATED, 0, body, sizeof(updated) + 2);
	fake_zrun_send(z, ZRUN_HEALTH, 0, &(struct zrun_health){.is_healthy = 0}, 1);
	fake_zrun_send(z, ZRUN_HEALTH, 0, &(struct zrun_health){.is_healthy = 1}, 1);
	fake_zrun_send(z, ZRUN_DATA_PUT, 9, "xyz", 3);
	loop_run_ready(&s->loop);
	assert_log(s, "log(12,warn,hm) updated(-3,no) health(0) health(1) data(39,9,3)");
}

static void an_emitted_message_is_answered(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	char body[64];
	struct zrun_emit emit = {.address_size = 3};
	struct zrun_result result;
	size_t size = 0;
	memcpy(mempcpy(body, &emit, sizeof(emit)), "webhello", 8);
	s->emit_result = -11;
	fake_zrun_send(z, ZRUN_EMIT, 5, body, sizeof(emit) + 8);
	loop_run_ready(&s->loop);
	assert_log(s, "emit(web,hello)");
	assert_int_equal(receive(s, z, &result, sizeof(result), &size), ZRUN_EMIT_RESULT);
	assert_int_equal(size, sizeof(result));
	assert_int_equal(result.status, -11);
}

static void on_link_turn(void *user)
{
	struct fake_zrun *z = user;
	char byte;
	assert_true(recv(z->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
}

/* To another zhost, too: else the sender is woken first, and takes the processor. */
static void a_message_is_passed_on_before_its_sender_gets_the_result(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	char body[64];
	struct zrun_emit emit = {.address_size = 3};
	size_t size = 0;
	memcpy(mempcpy(body, &emit, sizeof(emit)), "webhello", 8);
	s->on_emit = (struct loop_task){.fn = on_link_turn, .user = z};
	fake_zrun_send(z, ZRUN_EMIT, 5, body, sizeof(emit) + 8);
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_EMIT_RESULT);
}

static int deliver(struct stage *s, size_t size)
{
	static const char payload[ZRUN_PAYLOAD_MAX];
	return zrun_process_deliver(s->process, "orders", "web", "-1", 2, payload, size);
}

static void messages_wait_for_credit(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	assert_int_equal(deliver(s, 1), -EAGAIN); /* no HELLO yet */
	fake_zrun_hello(z, ZRUN_PHASE_STARTED);
	loop_run_ready(&s->loop);
	for (int i = 0; i < ZRUN_WINDOW_MESSAGES; i++)
		assert_int_equal(deliver(s, 1), 0);
	assert_int_equal(deliver(s, 1), -EAGAIN);
	char body[64];
	size_t size = 0;
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_MESSAGE);
	assert_memory_equal(body + sizeof(struct zrun_message), "orders#web-1", 12);
	const struct zrun_credit credit = {.messages = 1, .bytes = zrun_message_cost(12, 1)};
	fake_zrun_send(z, ZRUN_CREDIT, 0, &credit, sizeof(credit));
	loop_run_ready(&s->loop);
	assert_int_equal(deliver(s, 1), 0);
	assert_int_equal(deliver(s, 1), -EAGAIN);
}

static void the_window_also_counts_bytes(void **state)
{
	struct stage *s = *state;
	(void)start(s);
	unsigned sent = 0;
	while (deliver(s, ZRUN_PAYLOAD_MAX) == 0)
		sent++;
	assert_int_equal(sent, ZRUN_WINDOW_BYTES / zrun_message_cost(12, ZRUN_PAYLOAD_MAX));
	assert_int_equal(deliver(s, 1), 0); /* there is room for a small one */
}

static void a_sender_with_too_long_an_address_is_refused(void **state)
{
	struct stage *s = *state;
	(void)start(s);
	char name[ZRUN_ADDRESS_MAX];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(zrun_process_deliver(s->process, name, "web", NULL, 0, "x", 1),
			 -EINVAL);
}

static const struct secret_values no_secrets;

static void new_imports_are_one_frame(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	import_vector imports = {0};
	char body[64];
	size_t size = 0;
	vector_push(&imports, ((struct import_value){mem_strdup("db.port"), mem_strdup("42")}));
	assert_int_equal(zrun_process_update(s->process, &imports, &no_secrets, NULL), 0);
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_UPDATE);
	const struct zrun_update *head = (const struct zrun_update *)body;
	assert_int_equal(head->count, 1);
	assert_memory_equal(body + sizeof(*head) + sizeof(struct zrun_import), "db.port42", 9);
	assert_int_equal(size, sizeof(*head) + sizeof(struct zrun_import) + 9);
	vector_push(&imports,
		    ((struct import_value){mem_strdup("big"), mem_calloc(1, ZRUN_BODY_MAX)}));
	memset(imports.items[1].value, 'x', ZRUN_BODY_MAX - 1);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(zrun_process_update(s->process, &imports, &no_secrets, &err),
			 ERR_LIMIT);
	assert_string_equal(err->message, "the imports are too large");
	imports_done(&imports);
}

static void answers_to_updates_of_an_earlier_zhost_are_dropped(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	char frame[512];
	struct zrun_hello hello = {.version = ZRUN_PROTOCOL_VERSION,
				   .epoch = 7,
				   .phase = ZRUN_PHASE_STARTED,
				   .update_pending = 2};
	size_t size = fake_hello(frame, sizeof(frame), &hello, "t1", "api-2");
	fake_zrun_accept(z);
	assert_int_equal(send(z->fd, frame, size, 0), size);
	for (int32_t i = 1; i <= 3; i++)
		fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){.result = i},
			       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	assert_log(s, "connected(1) updated(3,)");
}

/* ---- the end ---- */

static void a_process_that_was_asked_to_stop_has_not_failed(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	struct zrun_stop stop = {0};
	size_t size = 0;
	zrun_process_stop(s->process, 5000);
	assert_int_equal(receive(s, z, &stop, sizeof(stop), &size), ZRUN_STOP);
	assert_in_range(stop.grace_ms, 1, 5000);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	loop_run_ready(&s->loop);
	assert_log(s, ""); /* it has ended when its pidfd is readable */
	fake_zrun_exit(z, 0);
	assert_report(s, true, false, true, "");
	assert_false(file_exists(s, "s") || file_exists(s, "e"));
}

static void how_a_process_ended_is_what_it_says_itself(void **state)
{
	static const struct {
		enum zrun_stopped_cause cause;
		bool is_finished, is_asked;
		const char *error;
	} cases[] = {
		{ZRUN_STOPPED_FINISHED, true, false, ""},
		{ZRUN_STOPPED_ORPHAN, false, true, "stopped by itself: no zhost for too long"},
		{ZRUN_STOPPED_NOT_RENEWED, false, true,
		 "stopped by itself: exclusive, and zrms was silent for too long"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_zrun *z = start(s);
		fake_zrun_stopped(z, cases[i].cause);
		/* The frame and the end of the process are seen in the same turn. */
		fake_zrun_exit(z, 0);
		assert_log(s, "ended");
		assert_report(s, true, cases[i].is_finished, cases[i].is_asked, cases[i].error);
		free(s->report.error);
		s->report.error = NULL;
	}
}

static void a_failure_has_the_text_of_the_process(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	fake_zrun_failed(z, "trap: unreachable in on_process");
	fake_zrun_failed(z, "a second report does not count");
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_TRAP) << 8);
	assert_report(s, true, false, false, "trap: unreachable in on_process");
}

static void a_failure_without_a_text_has_its_number(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	const struct zrun_failed failed = {.kind = ZRUN_FAILED_INIT, .code = 3};
	fake_zrun_send(z, ZRUN_FAILED, 0, &failed, sizeof(failed));
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_INIT) << 8);
	assert_report(s, true, false, false, "failed (kind 3, code 3)");
}

static void a_process_that_says_nothing_ended_by_its_status(void **state)
{
	struct stage *s = *state;
	fake_zrun_exit(start(s), SIGKILL);
	assert_report(s, false, false, false, "killed by signal 9 (Killed)");
}

static void a_report_that_was_written_while_no_zhost_was_connected_is_read(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	const struct zrun_failed failed = {.kind = ZRUN_FAILED_WATCHDOG};
	const char *text = "computed for too long";
	struct zrun_frame frame = {.size = (uint32_t)(sizeof(failed) + strlen(text)),
				   .type = ZRUN_FAILED};
	fake_zrun_hang_up(z);
	assert_int_equal(write(z->status_fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(z->status_fd, &failed, sizeof(failed)), sizeof(failed));
	assert_int_equal(write(z->status_fd, text, strlen(text)), strlen(text));
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_WATCHDOG) << 8);
	assert_report(s, true, false, false, "computed for too long");
}

/* ---- a connection that breaks ---- */

static bool zrun_hears(void *user)
{
	struct fake_zrun *z = user;
	if (z->fd < 0)
		z->fd = accept4(z->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return z->fd >= 0;
}

static void a_broken_connection_is_made_again_and_repeats_what_counts(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 5000, 6000);
	fake_zrun_hello(z, ZRUN_PHASE_STARTED);
	loop_run_ready(&s->loop);
	zrun_process_renew(s->process, &(struct zrun_lease){7000, 8000});
	zrun_process_stop(s->process, 60000);
	loop_run_ready(&s->loop);
	assert_int_equal(fcntl(z->listener_fd, F_SETFL, O_NONBLOCK), 0);
	fake_zrun_hang_up(z);
	s->is_connected = false;
	assert_log(s, "connected(1)");
	loop_run_until(&s->loop, zrun_hears, z);
	char body[64];
	size_t size = 0;
	assert_int_equal(receive(s, z, body, sizeof(body), &size), 0); /* HELLO comes first */
	fake_zrun_hello(z, ZRUN_PHASE_STOPPING);
	loop_run_until(&s->loop, is_connected_again, s);
	assert_log(s, "connected(0)");
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_RENEW);
	assert_int_equal(((const struct zrun_renew *)body)->stop_at_ms, 7000);
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_STOP);
	assert_in_range(((const struct zrun_stop *)body)->grace_ms, 1, 60000);
	assert_false(z->is_killed);
}

/* ---- turns ---- */

static struct fake_zrun *talker;
static unsigned emits;

static void talk(void)
{
	const struct zrun_emit head = {.address_size = 1};
	char body[sizeof(head) + 2];
	memcpy(mempcpy(body, &head, sizeof(head)), "ap", 2);
	fake_zrun_send(talker, ZRUN_EMIT, 1, body, sizeof(body));
}

/* It has always more to say. */
static int on_emit(void *user, const char *address, size_t address_size, const void *payload,
		   size_t size)
{
	(void)user, (void)address, (void)address_size, (void)payload, (void)size;
	if (++emits < 1000)
		talk();
	return 0;
}

/* Otherwise other processes, and zrms, would wait until it has said all. */
static void a_process_that_talks_without_end_is_read_once_in_a_turn(void **state)
{
	struct stage *s = *state;
	struct zrun_process_listener listener = zrun_stage_listener;
	struct launch_request q = {
		.module_path = "/cache/module.so", .memory_bytes = 1 << 20, .grace_ms = 500};
	const struct zrun_lease lease = {0};
	listener.emit = on_emit;
	emits = 0;
	assert_int_equal(zrun_process_start(s->processes, &s->identity, &q, &lease, &listener,
					    s, &s->process, NULL),
			 0);
	talker = fake_zrun_last(&s->host);
	fake_zrun_hello(talker, ZRUN_PHASE_STARTING);
	loop_run_ready(&s->loop);
	talk();
	for (unsigned turn = 0; turn < 10; turn++)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	assert_in_range(emits, 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, zrun_stage_begin, zrun_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_launch_names_the_instance_its_limits_and_its_descriptors),
		TEST(a_launch_that_is_refused_leaves_no_files),
		TEST(a_launch_that_fails_later_is_reported_as_an_end),
		TEST(a_process_that_cannot_be_watched_is_reported_as_an_end),
		TEST(a_kill_before_the_launch_completes_reaches_the_process),
		TEST(a_released_process_continues),
		TEST(a_hello_in_pieces_is_one_hello),
		TEST(what_zrun_reports_reaches_the_listener),
		TEST(an_emitted_message_is_answered),
		TEST(a_message_is_passed_on_before_its_sender_gets_the_result),
		TEST(messages_wait_for_credit),
		TEST(the_window_also_counts_bytes),
		TEST(a_sender_with_too_long_an_address_is_refused),
		TEST(new_imports_are_one_frame),
		TEST(answers_to_updates_of_an_earlier_zhost_are_dropped),
		TEST(a_process_that_was_asked_to_stop_has_not_failed),
		TEST(how_a_process_ended_is_what_it_says_itself),
		TEST(a_failure_has_the_text_of_the_process),
		TEST(a_failure_without_a_text_has_its_number),
		TEST(a_process_that_says_nothing_ended_by_its_status),
		TEST(a_report_that_was_written_while_no_zhost_was_connected_is_read),
		TEST(a_broken_connection_is_made_again_and_repeats_what_counts),
		TEST(a_process_that_talks_without_end_is_read_once_in_a_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
