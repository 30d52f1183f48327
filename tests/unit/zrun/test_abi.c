/* The guest ABI (docs/spec/guest-abi.md) and the life of an instance, with real guests in a
 * real zrun. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "harness.h"

static struct play p;

/* The guest checks by itself and finishes with 1, or with the line of the check that failed. */
static void finishes(const struct part *part)
{
	play_start(&p, part);
	play_until(&p, 0);
	if (p.count[ZRUN_STOPPED] != 1)
		fail_msg("%s: %s '%s'", part->test_case, launch_status_text(p.status),
			 p.failed_text);
	assert_int_equal(p.stopped.cause, ZRUN_STOPPED_FINISHED);
	if (p.stopped.result != 1)
		fail_msg("%s: the check in line %d failed; log:\n%s", part->test_case,
			 p.stopped.result, p.log);
	assert_int_equal(p.status, 0);
	assert_int_equal(play_status_file(&p), ZRUN_STOPPED);
	play_end(&p);
}

static void fails(const struct part *part, enum zrun_failed_kind kind, const char *text)
{
	play_start(&p, part);
	play_until(&p, 0);
	if (p.failed.kind != kind || strstr(p.failed_text, text) == NULL)
		fail_msg("%s: kind %d '%s' (%s), expected kind %d '%s'", part->test_case,
			 p.failed.kind, p.failed_text, launch_status_text(p.status), (int)kind,
			 text);
	assert_int_equal(p.status, (ZRUN_EXIT_FAILED + (int)kind) << 8);
	assert_int_equal(play_status_file(&p), ZRUN_FAILED);
	play_end(&p);
}

static void starts(const struct part *part)
{
	play_start(&p, part);
	play_until(&p, ZRUN_STARTED);
}

/* Waits for the end that was asked for, and that it was a good one. */
static void stopped(enum zrun_stopped_cause cause)
{
	play_until(&p, 0);
	if (p.count[ZRUN_STOPPED] != 1 || p.stopped.cause != cause || p.status != 0)
		fail_msg("%s '%s' cause %d, expected cause %d", launch_status_text(p.status),
			 p.failed_text, p.stopped.cause, (int)cause);
	play_end(&p);
}

static void test_identity(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	assert_int_equal(p.hello.version, ZRUN_PROTOCOL_VERSION);
	assert_int_equal(p.hello.pid, p.pid);
	assert_int_equal(p.hello.epoch, 7);
	assert_int_equal(p.hello.phase, ZRUN_PHASE_STARTING);
	assert_int_equal(p.hello.queued_messages, 0);
	assert_true(play_logged(&p, "1 on_init\n"));
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	assert_true(play_logged(&p, "1 on_close\n"));
}

static void test_receiver_sees_stop(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	play_message(&p, "p#s", "x", 1);
	play_until(&p, ZRUN_EMIT);
	play_quiet(&p, 50); /* by then it waits for the next one */
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	assert_true(play_logged(&p, "recv: shutdown"));
}

static void test_checks(void **state)
{
	finishes(&(struct part){.guest = GUEST_ABI, .test_case = "pointers"});
	finishes(&(struct part){
		.guest = GUEST_BOUNDS, .test_case = "", .memory_bytes = 4ull << 30});
	finishes(&(struct part){.guest = GUEST_ABI, .test_case = "data"});
	finishes(&(struct part){.guest = GUEST_ABI, .test_case = "imports"});
	finishes(&(struct part){.guest = GUEST_MEMORYLESS, .test_case = ""});
}

static void test_denied(void **state)
{
	finishes(&(struct part){
		.guest = GUEST_ABI, .test_case = "denied", .capabilities = NO_CAPABILITIES});
	assert_true(play_logged(&p, "2 data.put denied"));
	assert_true(play_logged(&p, "2 net.emit_to denied"));
	assert_true(play_logged(&p, "2 sys.log denied"));
	assert_int_equal(p.count[ZRUN_EMIT] + p.count[ZRUN_DATA_PUT] + p.count[ZRUN_DATA_GET],
			 0);
}

static void test_finish(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "finish"});
	play_until(&p, 0);
	assert_int_equal(p.stopped.result, 42);
	assert_true(play_logged(&p, "on_close"));
	assert_int_equal(p.stopped.cause, ZRUN_STOPPED_FINISHED);
	play_end(&p);
}

static void test_emit_results(void **state)
{
	static const int32_t statuses[] = {0, -EAGAIN, -ENOENT, -EHOSTUNREACH};

	for (size_t n = 0; n < ARRAY_SIZE(statuses); n++) {
		char text[32];

		play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "emits"});
		p.emit_status = statuses[n];
		play_until(&p, 0);
		(void)snprintf(text, sizeof(text), "emit gave %d\n", statuses[n]);
		if (!play_logged(&p, text))
			fail_msg("expected '%s', log:\n%s", text, p.log);
		assert_string_equal(p.emit_address, "rows#store-1");
		assert_int_equal(p.emit_size, 7);
		assert_memory_equal(p.emit_payload, "payload", 7);
		play_end(&p);
	}
}

static void test_echo(void **state)
{
	static const size_t sizes[] = {1, 200, 4096, 65535, 65536};
	static char payload[ZRUN_PAYLOAD_MAX];

	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		memset(payload, 'a' + (int)n, sizeof(payload));
		play_message(&p, "queries#web-1", payload, sizes[n]);
		play_until(&p, ZRUN_EMIT);
		assert_string_equal(p.emit_address, "queries#web-1");
		assert_int_equal(p.emit_size, sizes[n]);
		assert_memory_equal(p.emit_payload, payload, sizes[n]);
	}
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
}

static void test_small_buffer(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "small-buffer"});
	play_message(&p, "p#s", "12345", 5);
	play_until(&p, 0);
	assert_int_equal(p.stopped.result, 1);
	play_end(&p);
}

/* Credit comes back for all that is taken, and the window is never passed. */
static void test_credit(void **state)
{
	uint32_t sent = 0, bytes = 0;
	static char payload[5000];

	starts(&(struct part){.guest = GUEST_ABI, .test_case = "sink"});
	while (sent < 2000) {
		uint32_t cost = zrun_message_cost(3, sizeof(payload));

		if (sent - p.credit_messages >= ZRUN_WINDOW_MESSAGES ||
		    bytes - p.credit_bytes + cost > ZRUN_WINDOW_BYTES) {
			play_until(&p, ZRUN_CREDIT);
			continue;
		}
		play_message(&p, "p#s", payload, sizeof(payload));
		sent++;
		bytes += cost;
	}
	while (sent - p.credit_messages >= ZRUN_WINDOW_MESSAGES / 4)
		play_until(&p, ZRUN_CREDIT);
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	assert_null(strstr(p.log, "disconnected"));
}

static void test_window_passed(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "busy"});
	for (int n = 0; n < ZRUN_WINDOW_MESSAGES + 1; n++)
		play_message(&p, "p#s", "x", 1);
	while (p.fd >= 0)
		play_quiet(&p, 1000);
	/* Connected again: HELLO has the size of the queue, and a log line why the other connection was
	 * cut. */
	play_connect(&p);
	play_until(&p, ZRUN_LOG);
	assert_int_equal(p.hello.queued_messages, ZRUN_WINDOW_MESSAGES);
	assert_true(play_logged(&p, "more messages than the window allows"));
	play_end(&p);
}

static void test_init(void **state)
{
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "init-fails"}, ZRUN_FAILED_INIT,
	      "on_init returned 7");
	assert_int_equal(p.failed.code, 7);
	assert_int_equal(p.count[ZRUN_STARTED], 0);
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "init-traps"}, ZRUN_FAILED_TRAP,
	      "trap: unreachable executed in on_init");
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "init-loops", .init_ms = 300},
	      ZRUN_FAILED_DEADLINE, "on_init did not return within 300 ms");
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "init-sleeps", .init_ms = 300},
	      ZRUN_FAILED_DEADLINE, "on_init did not return within 300 ms");
	fails(&(struct part){.guest = GUEST_START_TRAP, .test_case = "start", .init_ms = 300},
	      ZRUN_FAILED_DEADLINE, "the start function did not return within 300 ms");
}

static void test_crashes(void **state)
{
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "trap"}, ZRUN_FAILED_TRAP,
	      "trap: unreachable executed in on_process");
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "recursion"}, ZRUN_FAILED_TRAP,
	      "trap: out of bounds memory or table access in on_process"); /* of its C stack */
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "loop", .watchdog_ms = 300},
	      ZRUN_FAILED_WATCHDOG, "looped in on_process for more than 300 ms");
	fails(&(struct part){.guest = "/nowhere/module.so", .test_case = "load"},
	      ZRUN_FAILED_LOAD, "cannot open the module /nowhere/module.so");
	fails(&(struct part){.guest = GUEST_ABI, .test_case = "", .memory_bytes = 65536},
	      ZRUN_FAILED_MEMORY, "the initial memory does not fit resources.memory (64 KiB)");
}

static void test_watchdog_counts_calls(void **state)
{
	finishes(&(struct part){.guest = GUEST_ABI, .test_case = "long", .watchdog_ms = 400});
	/* Waiting does not count as computing. */
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "busy", .watchdog_ms = 100});
	play_quiet(&p, 500);
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
}

static void test_memory(void **state)
{
	finishes(&(struct part){
		.guest = GUEST_ABI, .test_case = "eat", .memory_bytes = 4u << 20});
	assert_true(play_logged(&p, "to 64 pages"));
}

static void test_stop_while_spinning(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "spin-until-stop"});
	while (!play_logged(&p, "spinning"))
		play_until(&p, ZRUN_LOG);
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	assert_true(play_logged(&p, "yield said stop"));
}

static void test_grace(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "close-loops"});
	play_until(&p, ZRUN_STARTED);
	play_stop(&p, 200);
	play_until(&p, 0);
	assert_int_equal(p.failed.kind, ZRUN_FAILED_GRACE);
	assert_string_equal(p.failed_text, "on_close did not return within the grace period");
	play_end(&p);
	/* on_process does not listen. */
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "loop"});
	play_until(&p, ZRUN_STARTED);
	while (!play_logged(&p, "looping"))
		play_until(&p, ZRUN_LOG);
	play_stop(&p, 60000);
	play_stop(&p, 200); /* a second one can shorten */
	play_quiet(&p, 100);
	/* It reads the socket no more, so only its own clock could end it; zhost kills. */
	launch_kill(p.pidfd);
	play_until(&p, 0);
	assert_true(WIFSIGNALED(p.status));
	play_end(&p);
}

static void test_close_puts(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "close-puts"});
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	assert_int_equal(p.count[ZRUN_DATA_PUT], 1);
}

static void test_update(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	play_update(&p, "db.ip", "10.0.0.9");
	play_until(&p, ZRUN_UPDATED);
	assert_true(play_logged(&p, "db.ip is now 10.0.0.9"));
	assert_int_equal(p.updated.result, 0);
	/* The same set again: answered, not called. */
	p.log_size = 0;
	p.log[0] = '\0';
	play_update(&p, "db.ip", "10.0.0.9");
	play_until(&p, ZRUN_UPDATED);
	assert_false(play_logged(&p, "is now"));
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "update-fails"});
	play_update(&p, "db.ip", "10.0.0.10");
	play_until(&p, ZRUN_UPDATED);
	assert_int_equal(p.updated.result, 5);
	play_end(&p);
}

static void updated_with(const char *name, const char *value, const char *log)
{
	p.log_size = 0;
	p.log[0] = '\0';
	play_update(&p, name, value);
	play_until(&p, ZRUN_UPDATED);
	assert_true(play_logged(&p, log));
}

/* A set without any is of a zhost of a version that knows none. */
static void test_settings_stay_until_an_update_says_otherwise(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	updated_with("db.ip", "10.0.0.9", "there is no app.conf");
	updated_with("@ config app.conf", "v1", "app.conf is v1");
	updated_with("db.ip", "10.0.0.10", "app.conf is v1");
	updated_with("@ keep -", "", "app.conf is v1");
	updated_with("@ none -", "", "there is no app.conf");
	updated_with("db.ip", "10.0.0.11", "there is no app.conf");
	play_end(&p);
}

/* zhost goes away and comes back: the guest continues, the lines of that time are delivered. */
static void test_reattach(void **state)
{
	pid_t pid = 0;
	int pidfd = -1;

	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	play_message(&p, "p#s", "one", 3);
	play_until(&p, ZRUN_EMIT);
	play_disconnect(&p);
	play_connect(&p);
	play_until(&p, ZRUN_HELLO);
	assert_int_equal(p.hello.phase, ZRUN_PHASE_STARTED);
	assert_int_equal(p.hello.pid, p.pid);
	/* The pid comes from the kernel, not from the instance. */
	assert_int_equal(launch_adopt(p.fd, &pid, &pidfd, NULL), 0);
	assert_int_equal(pid, p.pid);
	close(pidfd);
	play_message(&p, "p#s", "two", 3);
	play_until(&p, ZRUN_EMIT);
	assert_memory_equal(p.emit_payload, "two", 3);
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
}

/* Nobody is there from the beginning: it starts all the same, and its log is kept. */
static void test_an_orphan_stops_by_itself(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_ABI,
				      .test_case = "echo",
				      .orphan_ms = 300,
				      .without_connection = true});
	play_until(&p, 0);
	assert_int_equal(p.status, 0);
	assert_int_equal(play_status_file(&p), ZRUN_STOPPED);
	play_end(&p);
}

static void test_ring(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_ABI,
				      .test_case = "sink",
				      .without_connection = true});
	play_connect(&p);
	play_until(&p, ZRUN_LOG);
	assert_true(play_logged(&p, "1 on_init\n"));
	play_end(&p);
}

static void test_data_away(void **state)
{
	/* zhost does not answer: 5 s, then -EAGAIN. */
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "data-away"});
	p.data_silent = true;
	play_until(&p, 0);
	if (!play_logged(&p, "put gave -11 after 5 s"))
		fail_msg("log:\n%s", p.log);
	play_end(&p);
	/* zhost goes away meanwhile and another one is there in time: the call ends well. */
	play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "data-away"});
	p.data_silent = true;
	play_until(&p, ZRUN_DATA_PUT);
	play_disconnect(&p);
	p.data_silent = false;
	play_connect(&p);
	play_until(&p, ZRUN_DATA_PUT);
	play_until(&p, 0);
	if (!play_logged(&p, "put gave 0 after less"))
		fail_msg("log:\n%s", p.log);
	play_end(&p);
}

static void test_exclusive(void **state)
{
	struct timespec now;
	uint64_t boot;
	struct zrun_renew renew;

	clock_gettime(CLOCK_BOOTTIME, &now);
	boot = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	/* Not renewed: stops by itself. */
	play_start(&p, &(struct part){.guest = GUEST_ABI,
				      .test_case = "echo",
				      .stop_at_ms = boot + 1000,
				      .end_at_ms = boot + 10000});
	stopped(ZRUN_STOPPED_NOT_RENEWED);
	assert_true(play_logged(&p, "on_close"));
	/* Deaf as well: its timer ends it. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	boot = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	fails(&(struct part){.guest = GUEST_ABI,
			     .test_case = "loop",
			     .stop_at_ms = boot + 3000, /* it has begun by then */
			     .end_at_ms = boot + 3500},
	      ZRUN_FAILED_NOT_RENEWED, "its zhost was cut off from zrms for too long");
	/* Renewed in time: continues past the first end. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	boot = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	starts(&(struct part){.guest = GUEST_ABI,
			      .test_case = "echo",
			      .stop_at_ms = boot + 5000,
			      .end_at_ms = boot + 5500});
	renew = (struct zrun_renew){boot + 60000, boot + 70000};
	play_send(&p, ZRUN_RENEW, &renew, sizeof(renew), NULL, 0, NULL, 0);
	play_quiet(&p, 5700);
	play_message(&p, "p#s", "still here", 10);
	play_until(&p, ZRUN_EMIT);
	play_stop(&p, 5000);
	stopped(ZRUN_STOPPED_ASKED);
}

static void test_wasi(void **state)
{
	play_start(&p, &(struct part){.guest = GUEST_PROGRAM, .test_case = ""});
	play_until(&p, 0);
	if (p.count[ZRUN_STOPPED] != 1)
		fail_msg("%s '%s' log:\n%s", launch_status_text(p.status), p.failed_text,
			 p.log);
	assert_int_equal(p.stopped.cause, ZRUN_STOPPED_FINISHED);
	if (!play_logged(&p, "1 argc 1, argv[0] api-2/cache, SPACE probe, EMPTY ''\n") ||
	    !play_logged(&p, "2 to standard error\n") ||
	    !play_logged(&p, "1 without a line feed\n"))
		fail_msg("log:\n%s", p.log);
	play_end(&p);
	play_start(&p, &(struct part){.guest = GUEST_PROGRAM_9, .test_case = ""});
	play_until(&p, 0);
	assert_int_equal(p.failed.kind, ZRUN_FAILED_EXIT);
	assert_int_equal(p.failed.code, 9);
	assert_string_equal(p.failed_text, "exit status 9 in _start");
	play_end(&p);
}

/* 2 MB of log lines: a burst of them and what a few seconds add arrive, and the log says that the others
 * did not. */
static void test_flood_of_log_lines(void **state)
{
	finishes(&(struct part){.guest = GUEST_ABI, .test_case = "flood"});
	assert_in_range(p.count[ZRUN_LOG], 1000, 10000);
	assert_int_equal(p.last_note_level, ZRUN_LEVEL_WARN);
	assert_non_null(strstr(p.last_note, "it prints more than 64 KiB a second"));
}

/* Whether it has a handler for this signal. */
static bool handles(pid_t pid, int number)
{
	unsigned long long mask = 0;
	char path[40], line[200];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "SigCgt: %llx", &mask) == 1)
			break;
	(void)fclose(file);
	return (mask >> (number - 1) & 1) != 0;
}

static void test_share_and_limit_of_cpu(void **state)
{
	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo", .cpu_millicores = 50});
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)p.pid), 13);
	assert_false(handles(p.pid, SIGPROF));
	play_end(&p);
	starts(&(struct part){.guest = GUEST_ABI,
			      .test_case = "echo",
			      .cpu_millicores = 500,
			      .cpu_limit_millicores = 600});
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)p.pid), 3);
	assert_true(handles(p.pid, SIGPROF));
	play_end(&p);
}

/* One that was started without a zygote has a session of its own, and where the kernel weighs sessions first,
 * the share of that counts. */
static void test_share_of_its_session(void **state)
{
	char path[40], line[80] = "";
	FILE *file;

	starts(&(struct part){.guest = GUEST_ABI,
			      .test_case = "echo",
			      .cpu_millicores = 50,
			      .without_zygote = true});
	(void)snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)p.pid);
	file = fopen(path, "re");
	if (file != NULL) {
		(void)!fgets(line, sizeof(line), file);
		(void)fclose(file);
	}
	play_end(&p);
	if (file == NULL)
		skip(); /* this kernel has no autogroups */
	if (strstr(line, " nice 13\n") == NULL)
		fail_msg("its session: %s", line);
}

static void test_bad_frames(void **state)
{
	static const struct zrun_frame frames[] = {
		{ZRUN_BODY_MAX + 1, ZRUN_MESSAGE, 0, 0},
		{0xffffffff, ZRUN_STOP, 0, 0},
		{0, 77, 0, 0},
		{0, ZRUN_MESSAGE, 0, 0},
		{0, ZRUN_UPDATE, 0, 0},
		{0, ZRUN_RENEW, 0, 0},
	};

	starts(&(struct part){.guest = GUEST_ABI, .test_case = "echo"});
	for (size_t n = 0; n < ARRAY_SIZE(frames); n++) {
		assert_int_equal(send(p.fd, &frames[n], sizeof(frames[n]), MSG_NOSIGNAL),
				 sizeof(frames[n]));
		while (p.fd >= 0)
			play_quiet(&p, 1000);
		play_connect(&p);
		play_until(&p, ZRUN_LOG);
		assert_true(play_logged(&p, "3 disconnected from zhost"));
	}
	play_message(&p, "p#s", "unharmed", 8);
	play_until(&p, ZRUN_EMIT);
	play_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_receiver_sees_stop),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_emit_results),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_credit),
		cmocka_unit_test(test_window_passed),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_watchdog_counts_calls),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_stop_while_spinning),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_close_puts),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_settings_stay_until_an_update_says_otherwise),
		cmocka_unit_test(test_reattach),
		cmocka_unit_test(test_an_orphan_stops_by_itself),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_data_away),
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_wasi),
		cmocka_unit_test(test_flood_of_log_lines),
		cmocka_unit_test(test_share_and_limit_of_cpu),
		cmocka_unit_test(test_share_of_its_session),
		cmocka_unit_test(test_bad_frames),
	};

	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}
