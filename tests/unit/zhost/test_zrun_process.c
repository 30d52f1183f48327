/*
 * zhost/process/zrun_process.h: the life of an instance's process as zhost sees it. The test is the
 * process host and, over the real sockets, the zrun: an honest one, and one that lies.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "fake_zrun.h"
#include "zhost/process/zrun_process.h"

#define FILE_NAME "0123456789abcdef0123456789abcdef"

struct stage {
	struct loop loop;
	char directory[64];
	int run_fd;
	struct fake_host host;
	struct zrun_processes *processes;
	struct zrun_identity identity;
	struct zrun_process *process; /* NULL: none, or it has ended */
	char *log;		      /* what the listener was called for, one word each */
	int emit_result;
	bool refuses_data;
	bool is_ended, is_connected, is_rejected;
	struct exit_report report; /* the error is owned */
};

/* ---- the listener ---- */

static void note(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void note(struct stage *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *more = str_vprintf(format, args);
	va_end(args);
	char *whole = str_printf("%s%s%s", s->log, s->log[0] != '\0' ? " " : "", more);
	free(s->log);
	s->log = whole;
}

#define assert_log(s, expected)                          \
	do {                                             \
		assert_string_equal((s)->log, expected); \
		(s)->log[0] = '\0';                      \
	} while (0)

static void on_connected(void *user, bool is_started)
{
	struct stage *s = user;
	s->is_connected = true;
	note(s, "connected(%d)", is_started);
}

static void on_started(void *user)
{
	note(user, "started");
}

static void on_updated(void *user, int32_t result, const char *text, size_t size)
{
	note(user, "updated(%d,%.*s)", result, (int)size, text);
}

static void on_health(void *user, bool is_healthy)
{
	note(user, "health(%d)", is_healthy);
}

static void on_ended(void *user, const struct exit_report *report)
{
	struct stage *s = user;
	note(s, "ended");
	s->report = *report;
	s->report.error = mem_strdup(report->error);
	s->is_ended = true;
	s->process = NULL;
}

static void on_rejected(void *user)
{
	struct stage *s = user;
	note(s, "rejected");
	s->is_rejected = true;
	s->process = NULL;
}

static void on_log(void *user, int64_t wall_ms, const char *level, const char *text,
		   size_t size)
{
	note(user, "log(%d,%s,%.*s)", (int)wall_ms, level, (int)size, text);
}

static int on_emit(void *user, const char *address, size_t address_size, const void *payload,
		   size_t size)
{
	struct stage *s = user;
	note(s, "emit(%.*s,%.*s)", (int)address_size, address, (int)size,
	     (const char *)payload);
	return s->emit_result;
}

static bool on_data(void *user, uint16_t type, uint32_t correlation, const uint8_t *body,
		    size_t size)
{
	struct stage *s = user;
	(void)body;
	note(s, "data(%u,%u,%zu)", type, correlation, size);
	return !s->refuses_data;
}

static const struct zrun_process_listener listener = {
	.connected = on_connected,
	.started = on_started,
	.updated = on_updated,
	.health = on_health,
	.ended = on_ended,
	.rejected = on_rejected,
	.log = on_log,
	.emit = on_emit,
	.data = on_data,
};

/* ---- the stage ---- */

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	s->log = mem_strdup("");
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-test-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	s->run_fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	fake_host_init(&s->host);
	const struct zrun_processes_options options = {.loop = &s->loop,
						       .host = &s->host.host,
						       .run_fd = s->run_fd,
						       .stderr_fd = -1,
						       .watchdog_ms = 30000,
						       .orphan_ms = 600000};
	s->processes = zrun_processes_new(&options);
	s->identity = (struct zrun_identity){
		.topology = "t1", .path = "api-2", .epoch = 7, .file_name = FILE_NAME};
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	zrun_process_release(s->process);
	zrun_processes_free(s->processes);
	fake_host_done(&s->host);
	loop_run_ready(&s->loop);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	(void)close(s->run_fd);
	int r = system(command);
	free(s->report.error);
	free(s->log);
	free(s);
	return r;
}

static bool file_exists(const struct stage *s, const char *suffix)
{
	CLEANUP(freep) char *name = str_printf("%s.%s", FILE_NAME, suffix);
	return faccessat(s->run_fd, name, F_OK, 0) == 0;
}

static struct fake_zrun *start_with_lease(struct stage *s, uint64_t stop_at_ms,
					  uint64_t end_at_ms)
{
	struct launch_request q = {.module_path = "/cache/module.so",
				   .memory_bytes = 1 << 20,
				   .capabilities = ZRUN_CAP_NET_EMIT,
				   .grace_ms = 500};
	const struct zrun_lease lease = {.stop_at_ms = stop_at_ms, .end_at_ms = end_at_ms};
	assert_int_equal(zrun_process_start(s->processes, &s->identity, &q, &lease, &listener,
					    s, &s->process, NULL),
			 0);
	return fake_zrun_last(&s->host);
}

/* Launched, and its HELLO and STARTED were taken. */
static struct fake_zrun *start(struct stage *s)
{
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	assert_log(s, "connected(0) started");
	return z;
}

static void assert_report(struct stage *s, bool is_known, bool is_finished, bool is_asked,
			  const char *error)
{
	assert_true(s->is_ended);
	assert_int_equal(s->report.is_known, is_known);
	assert_int_equal(s->report.is_finished, is_finished);
	assert_int_equal(s->report.is_asked, is_asked);
	assert_string_equal(s->report.error, error);
}

static uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room,
			size_t *ret_size)
{
	loop_run_ready(&s->loop);
	return fake_zrun_receive(z, body, room, ret_size);
}

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
	assert_int_equal(zrun_process_start(s->processes, &s->identity, &q, &lease, &listener,
					    s, &s->process, &err),
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

static void assert_killed(pid_t child)
{
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
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

static void new_imports_are_one_frame(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	import_vector imports = {0};
	char body[64];
	size_t size = 0;
	vector_push(&imports, ((struct import_value){mem_strdup("db.port"), mem_strdup("42")}));
	assert_int_equal(zrun_process_update(s->process, &imports, NULL), 0);
	assert_int_equal(receive(s, z, body, sizeof(body), &size), ZRUN_UPDATE);
	const struct zrun_update *head = (const struct zrun_update *)body;
	assert_int_equal(head->count, 1);
	assert_memory_equal(body + sizeof(*head) + sizeof(struct zrun_import), "db.port42", 9);
	assert_int_equal(size, sizeof(*head) + sizeof(struct zrun_import) + 9);
	vector_push(&imports,
		    ((struct import_value){mem_strdup("big"), mem_calloc(1, ZRUN_BODY_MAX)}));
	memset(imports.items[1].value, 'x', ZRUN_BODY_MAX - 1);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(zrun_process_update(s->process, &imports, &err), ERR_LIMIT);
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

static bool is_connected_again(void *user)
{
	return ((struct stage *)user)->is_connected;
}

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

/* ---- a zrun that lies ---- */

static void assert_broken(struct stage *s, struct fake_zrun *z, const char *what)
{
	loop_run_ready(&s->loop);
	if (!z->is_killed)
		fail_msg("not killed: %s", what);
	fake_zrun_exit(z, SIGKILL);
	CLEANUP(freep) char *error = str_printf("broke the protocol with its zhost: %s", what);
	assert_report(s, true, false, false, error);
	free(s->report.error);
	s->report.error = NULL;
	s->is_ended = false;
	s->log[0] = '\0';
}

static void a_hello_of_another_instance_is_refused(void **state)
{
	static const struct {
		const char *topology, *path;
		struct zrun_hello hello;
		size_t cut;
	} cases[] = {
		{"t2", "api-2", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 0},
		{"t1", "api-1", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 0},
		{"t1", "api-22", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 0},
		{"t1", "api", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 0},
		{"t1", "api-2", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 6}, 0},
		{"t1", "api-2", {.version = ZRUN_PROTOCOL_VERSION + 1, .epoch = 7}, 0},
		{"t1", "api-2", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 1},
		{"t1", "api-2", {.version = ZRUN_PROTOCOL_VERSION, .epoch = 7}, 40},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char frame[512];
		struct fake_zrun *z = start_with_lease(s, 0, 0);
		size_t size = fake_hello(frame, sizeof(frame), &cases[i].hello,
					 cases[i].topology, cases[i].path);
		fake_zrun_send(z, ZRUN_HELLO, 0, frame + sizeof(struct zrun_frame),
			       size - sizeof(struct zrun_frame) - cases[i].cut);
		assert_broken(s, z, "frame of type 32");
	}
}

static void nothing_is_taken_before_the_hello(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	assert_broken(s, z, "frame of type 33");
}

static void a_second_hello_ends_the_process(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	fake_zrun_hello(z, ZRUN_PHASE_STARTED);
	assert_broken(s, z, "frame of type 32");
}

static void a_malformed_frame_ends_the_process(void **state)
{
	static const struct zrun_log bad_level = {.level = 4};
	static const struct zrun_log bad_time = {.wall_ms = UINT64_MAX};
	static const struct zrun_credit messages = {.messages = 1}, bytes = {.bytes = 1};
	static const struct zrun_emit emit = {.address_size = 3};
	static const struct {
		uint16_t type;
		uint32_t correlation;
		const void *body;
		size_t size;
	} cases[] = {
		{ZRUN_LOG, 0, &bad_level, sizeof(bad_level)},
		{ZRUN_LOG, 0, &bad_time, sizeof(bad_time)},
		{ZRUN_LOG, 0, "short", 5},
		{ZRUN_CREDIT, 0, &messages, sizeof(messages)},
		{ZRUN_CREDIT, 0, &bytes, sizeof(bytes)},
		{ZRUN_CREDIT, 0, "x", 1},
		{ZRUN_UPDATED, 0, "x", 1},
		{ZRUN_HEALTH, 0, NULL, 0},
		{ZRUN_EMIT, 5, &emit, sizeof(emit)}, /* its address is missing */
		{ZRUN_EMIT, 5, "x", 1},
		{ZRUN_EMIT, 0, "\0\0payload", 9}, /* no correlation */
		{ZRUN_STOPPED, 0, "x", 1},
		{ZRUN_FAILED, 0, "x", 1},
		{ZRUN_STOP, 0, NULL, 0}, /* what only zhost sends */
		{ZRUN_DATA_RESULT, 1, NULL, 0},
		{0, 0, NULL, 0},
		{45, 0, NULL, 0},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_zrun *z = start(s);
		CLEANUP(freep)
		char *what = str_printf("frame of type %u", (unsigned)cases[i].type);
		fake_zrun_send(z, cases[i].type, cases[i].correlation, cases[i].body,
			       cases[i].size);
		fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0); /* is not taken any more */
		assert_broken(s, z, what);
	}
}

static void a_log_line_that_is_too_long_ends_the_process(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	static const char line[sizeof(struct zrun_log) + ZRUN_LOG_MAX + 1];
	fake_zrun_send(z, ZRUN_LOG, 0, line, sizeof(line));
	assert_broken(s, z, "frame of type 34");
}

static void a_frame_that_is_too_long_ends_the_process(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	struct zrun_frame frame = {.size = ZRUN_BODY_MAX + 1, .type = ZRUN_LOG};
	assert_int_equal(send(z->fd, &frame, sizeof(frame), 0), sizeof(frame));
	assert_broken(s, z, "a frame is too long");
}

static void a_data_request_that_its_part_refuses_ends_the_process(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	s->refuses_data = true;
	fake_zrun_send(z, ZRUN_DATA_GET, 1, "x", 1);
	assert_broken(s, z, "frame of type 38");
}

static void a_process_that_does_not_read_its_answers_is_ended(void **state)
{
	static const char value[ZRUN_PAYLOAD_MAX];
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	for (unsigned i = 1; i <= 100 && !z->is_killed; i++)
		zrun_process_data_result(s->process, i, 0, value, sizeof(value));
	assert_broken(s, z, "it does not read its answers");
}

/* ---- a restart of zhost ---- */

/* A process that an earlier zhost left: it listens under the instance's name, sends `hello`, and
 * lives until it is killed. */
struct orphan {
	pid_t pid;
};

static void orphan_main(struct stage *s, int ready_fd, const char *comm, const void *hello,
			size_t size)
{
	int listener_fd = -1;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, comm);
	if (launch_listen(s->run_fd, FILE_NAME ".s", &listener_fd, NULL) < 0 ||
	    write(ready_fd, "x", 1) != 1)
		_exit(1);
	(void)poll(&(struct pollfd){.fd = listener_fd, .events = POLLIN}, 1, -1);
	int fd = accept(listener_fd, NULL, NULL);
	(void)!send(fd, hello, size, MSG_NOSIGNAL); /* zhost may be gone again */
	for (;;)
		(void)pause();
}

static struct orphan orphan_new(struct stage *s, const char *comm, uint64_t epoch)
{
	char frame[512], byte;
	int ready[2];
	struct zrun_hello hello = {
		.version = ZRUN_PROTOCOL_VERSION, .epoch = epoch, .phase = ZRUN_PHASE_STARTED};
	size_t size = fake_hello(frame, sizeof(frame), &hello, "t1", "api-2");
	assert_int_equal(pipe(ready), 0);
	struct orphan o = {.pid = fork()};
	assert_true(o.pid >= 0);
	if (o.pid == 0)
		orphan_main(s, ready[1], comm, frame, size);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return o;
}

static void orphan_end(struct orphan *o)
{
	(void)kill(o->pid, SIGKILL);
	assert_killed(o->pid);
}

static struct zrun_process *find(struct stage *s)
{
	struct exit_report report;
	s->process = zrun_process_find(s->processes, &s->identity, &listener, s, &report);
	if (s->process == NULL)
		s->report = report;
	return s->process;
}

static void a_process_of_an_earlier_zhost_is_adopted_by_its_socket(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 7);
	assert_non_null(find(s));
	zrun_processes_await_hello(s->processes, 10000);
	assert_int_equal(zrun_process_pid(s->process), o.pid);
	assert_log(s, ""); /* the HELLO is there, and not taken yet */
	loop_run_until(&s->loop, is_connected_again, s);
	assert_log(s, "connected(1)");
	struct fake_zrun *z = fake_zrun_last(&s->host);
	assert_false(z->is_killed);
	orphan_end(&o);
	fake_zrun_exit(z, -1);
	assert_report(s, false, false, false, "ended while nobody watched");
}

static void a_process_of_another_epoch_is_rejected_and_killed(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 6);
	assert_non_null(find(s));
	zrun_processes_await_hello(s->processes, 10000);
	assert_log(s, "rejected");
	assert_true(fake_zrun_last(&s->host)->is_killed);
	orphan_end(&o);
}

static void a_process_that_is_not_a_zrun_is_not_adopted(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "impostor", 7);
	assert_null(find(s));
	assert_false(s->report.is_known);
	assert_int_equal(s->host.all.count, 0);
	orphan_end(&o);
}

static void the_report_of_an_ended_process_is_found(void **state)
{
	struct stage *s = *state;
	const struct zrun_stopped stopped = {.cause = ZRUN_STOPPED_FINISHED};
	struct zrun_frame frame = {.size = sizeof(stopped), .type = ZRUN_STOPPED};
	int fd = openat(s->run_fd, FILE_NAME ".e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(fd, &stopped, sizeof(stopped)), sizeof(stopped));
	(void)close(fd);
	assert_null(find(s));
	assert_true(s->report.is_known && s->report.is_finished);
	assert_false(file_exists(s, "e"));
}

static void a_damaged_report_is_ignored(void **state)
{
	struct stage *s = *state;
	int fd = openat(s->run_fd, FILE_NAME ".e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "not a frame at all", 18), 18);
	(void)close(fd);
	assert_null(find(s));
	assert_false(s->report.is_known);
	assert_null(s->report.error);
}

static void an_evicted_process_is_killed(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 7);
	zrun_process_evict(s->processes, &s->identity);
	assert_killed(o.pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
		TEST(a_hello_of_another_instance_is_refused),
		TEST(nothing_is_taken_before_the_hello),
		TEST(a_second_hello_ends_the_process),
		TEST(a_malformed_frame_ends_the_process),
		TEST(a_log_line_that_is_too_long_ends_the_process),
		TEST(a_frame_that_is_too_long_ends_the_process),
		TEST(a_data_request_that_its_part_refuses_ends_the_process),
		TEST(a_process_that_does_not_read_its_answers_is_ended),
		TEST(a_process_of_an_earlier_zhost_is_adopted_by_its_socket),
		TEST(a_process_of_another_epoch_is_rejected_and_killed),
		TEST(a_process_that_is_not_a_zrun_is_not_adopted),
		TEST(the_report_of_an_ended_process_is_found),
		TEST(a_damaged_report_is_ignored),
		TEST(an_evicted_process_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
