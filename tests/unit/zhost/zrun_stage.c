#include "zrun_stage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

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
	if (s->on_emit.fn != NULL)
		loop_defer(&s->loop, &s->on_emit);
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

static void on_command(void *user, const struct command_report *report)
{
	struct stage *s = user;
	note(s, "command(%d,%u,%d,%.*s)", (int)report->event, report->session, report->status,
	     (int)report->size, report->text);
}

static void on_update_lost(void *user)
{
	note(user, "update_lost");
}

static void on_commands_lost(void *user)
{
	(void)user;
}

const struct zrun_process_listener zrun_stage_listener = {
	.connected = on_connected,
	.started = on_started,
	.updated = on_updated,
	.update_lost = on_update_lost,
	.health = on_health,
	.ended = on_ended,
	.rejected = on_rejected,
	.command = on_command,
	.commands_lost = on_commands_lost,
	.log = on_log,
	.emit = on_emit,
	.data = on_data,
};

/* ---- the stage ---- */

int zrun_stage_begin(void **state)
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

int zrun_stage_end(void **state)
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

bool file_exists(const struct stage *s, const char *suffix)
{
	CLEANUP(freep) char *name = str_printf("%s.%s", FILE_NAME, suffix);
	return faccessat(s->run_fd, name, F_OK, 0) == 0;
}

struct fake_zrun *start_with_lease(struct stage *s, uint64_t stop_at_ms, uint64_t end_at_ms)
{
	struct launch_request q = {.module_path = "/cache/module.so",
				   .memory_bytes = 1 << 20,
				   .capabilities = ZRUN_CAP_NET_EMIT,
				   .grace_ms = 500};
	const struct zrun_lease lease = {.stop_at_ms = stop_at_ms, .end_at_ms = end_at_ms};
	assert_int_equal(zrun_process_start(s->processes, &s->identity, &q, &lease,
					    &zrun_stage_listener, s, &s->process, NULL),
			 0);
	return fake_zrun_last(&s->host);
}

/* Launched, and its HELLO and STARTED were taken. */
struct fake_zrun *start(struct stage *s)
{
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	assert_log(s, "connected(0) started");
	return z;
}

void assert_report(struct stage *s, bool is_known, bool is_finished, bool is_asked,
		   const char *error)
{
	assert_true(s->is_ended);
	assert_int_equal(s->report.is_known, is_known);
	assert_int_equal(s->report.is_finished, is_finished);
	assert_int_equal(s->report.is_asked, is_asked);
	assert_string_equal(s->report.error, error);
}

uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room,
		 size_t *ret_size)
{
	loop_run_ready(&s->loop);
	return fake_zrun_receive(z, body, room, ret_size);
}

bool is_connected_again(void *user)
{
	return ((struct stage *)user)->is_connected;
}

void assert_killed(pid_t child)
{
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
