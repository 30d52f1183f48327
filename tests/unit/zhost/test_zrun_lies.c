/* zhost/process/zrun_process.h: a process that lies about itself or breaks the protocol is ended. */
#include "zrun_stage.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

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

static unsigned words(const struct stage *s, const char *word)
{
	unsigned count = 0;
	for (const char *at = s->log; (at = strstr(at, word)) != NULL; at += strlen(word))
		count++;
	return count;
}

/* Within what the socket holds. */
enum { FLOOD = 60 };

static void a_flood_of_requests_waits_for_its_answers(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	const struct zrun_data head = {.key_size = 1};
	char body[sizeof(head) + 1];
	memcpy(mempcpy(body, &head, sizeof(head)), "k", 1);
	s->log[0] = '\0';
	for (uint32_t n = 1; n <= FLOOD; n++)
		fake_zrun_send(z, ZRUN_DATA_GET, n, body, sizeof(body));
	loop_run_ready(&s->loop);
	assert_int_equal(words(s, "data("), 16);
	zrun_process_data_result(s->process, 1, 0, "v", 1);
	zrun_process_data_result(s->process, 2, 0, "v", 1);
	loop_run_ready(&s->loop);
	assert_int_equal(words(s, "data("), 18);
	for (uint32_t n = 3; n <= FLOOD; n++) {
		zrun_process_data_result(s->process, n, 0, "v", 1);
		loop_run_ready(&s->loop);
	}
	assert_int_equal(words(s, "data("), FLOOD);
}

static void what_a_flooding_process_says_at_its_end_is_heard(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	const struct zrun_data head = {.key_size = 1};
	char body[sizeof(head) + 1];
	memcpy(mempcpy(body, &head, sizeof(head)), "k", 1);
	for (uint32_t n = 1; n <= FLOOD; n++)
		fake_zrun_send(z, ZRUN_DATA_GET, n, body, sizeof(body));
	fake_zrun_failed(z, "trap: unreachable in on_process");
	loop_run_ready(&s->loop);
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_TRAP) << 8);
	assert_report(s, true, false, false, "trap: unreachable in on_process");
}

/* zrun that reads no answers, and goes on to ask. */
static void a_process_that_reads_nothing_is_read_no_more(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = start(s);
	const struct zrun_emit head = {.address_size = 1};
	struct zrun_frame frame = {
		.size = sizeof(head) + 2, .type = ZRUN_EMIT, .correlation = 1};
	char whole[sizeof(frame) + sizeof(head) + 2];
	memcpy(mempcpy(mempcpy(whole, &frame, sizeof(frame)), &head, sizeof(head)), "ap", 2);
	size_t sent = 0, quiet = 0;
	while (quiet < 100) {
		if (send(z->fd, whole, sizeof(whole), MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    (ssize_t)sizeof(whole)) {
			sent++;
			quiet = 0;
		} else {
			quiet++;
			s->log[0] = '\0';
			loop_run_ready(&s->loop);
		}
	}
	assert_false(z->is_killed);
	assert_in_range(sent, 1000, 1000000);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, zrun_stage_begin, zrun_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hello_of_another_instance_is_refused),
		TEST(nothing_is_taken_before_the_hello),
		TEST(a_flood_of_requests_waits_for_its_answers),
		TEST(what_a_flooding_process_says_at_its_end_is_heard),
		TEST(a_process_that_reads_nothing_is_read_no_more),
		TEST(a_second_hello_ends_the_process),
		TEST(a_malformed_frame_ends_the_process),
		TEST(a_log_line_that_is_too_long_ends_the_process),
		TEST(a_frame_that_is_too_long_ends_the_process),
		TEST(a_data_request_that_its_part_refuses_ends_the_process),
		TEST(a_process_that_does_not_read_its_answers_is_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
