/* Logs of instances for zrms: the last lines, and following, until the instance goes. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/sim/loop.h"
#include "base/memory.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "zhost/log/log_service.h"
#include "zhost/state/instance_file.h"

struct fixture {
	char dir[64];
	int dir_fd;
	struct fake_upstream upstream;
	struct spacelogs *logs;
	struct log_service *service;
	struct loop loop;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	snprintf(f->dir, sizeof(f->dir), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(f->dir) == NULL)
		return -1;
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	fake_upstream_init(&f->upstream);
	sim_loop_init(&f->loop);
	f->logs = spacelogs_new(f->dir_fd);
	f->service = log_service_new(&f->loop, f->logs, &f->upstream.upstream);
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *command = str_printf("rm -rf %s", f->dir);
	log_service_free(f->service);
	spacelogs_free(f->logs);
	fake_upstream_done(&f->upstream);
	sim_loop_done(&f->loop);
	close(f->dir_fd);
	free(f);
	return system(command);
}

static struct spacelog *log_of(struct fixture *f, const char *path)
{
	char name[INSTANCE_FILE_NAME_SIZE];
	instance_file_name("t1", path, 0, name);
	return spacelog_open(f->logs, name);
}

static void add(struct spacelog *log, const char *text)
{
	spacelog_add(log, 1777545000000, "info", text, strlen(text));
}

static void ask(struct fixture *f, uint64_t request, bool is_following, bool is_cancelled)
{
	Samoza__V1__LogRequest q = SAMOZA__V1__LOG_REQUEST__INIT;
	q.request = request;
	q.topology = (char *)"t1";
	q.path = (char *)"a";
	q.has_lines = q.has_follow = q.has_cancel = true;
	q.lines = 2;
	q.follow = is_following;
	q.cancel = is_cancelled;
	log_service_take(f->service, &q);
}

static const Samoza__V1__LogChunk *last_chunk(const struct fixture *f)
{
	assert_int_equal(f->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK);
	return (const Samoza__V1__LogChunk *)f->upstream.last;
}

static void the_last_lines_are_sent_with_an_end(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	add(log, "one");
	add(log, "two");
	add(log, "three");
	ask(f, 7, false, false);
	const Samoza__V1__LogChunk *chunk = last_chunk(f);
	assert_int_equal(chunk->request, 7);
	assert_int_equal(chunk->n_lines, 2);
	assert_string_equal(chunk->lines[1], "2026-04-30T10:30:00.000Z info  three");
	assert_true(chunk->end);
	assert_null(chunk->error);
	spacelog_close(log);
}

static void lines_of_one_turn_are_sent_together_while_followed(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	ask(f, 7, true, false);
	assert_false(last_chunk(f)->end);
	assert_false(log_service_flush(f->service));
	add(log, "one");
	add(log, "two");
	assert_int_equal(f->upstream.sent, 1);
	assert_true(log_service_flush(f->service));
	assert_int_equal(f->upstream.sent, 2);
	assert_int_equal(last_chunk(f)->n_lines, 2);
	spacelog_close(log);
}

static void two_requests_follow_one_log_until_both_are_cancelled(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	ask(f, 7, true, false);
	ask(f, 8, true, false);
	add(log, "one");
	(void)log_service_flush(f->service);
	assert_int_equal(f->upstream.sent, 4);
	ask(f, 7, true, true);
	add(log, "two");
	(void)log_service_flush(f->service);
	assert_int_equal(f->upstream.sent, 5);
	assert_int_equal(last_chunk(f)->request, 8);
	ask(f, 8, true, true);
	add(log, "three");
	assert_false(log_service_flush(f->service));
	spacelog_close(log);
}

static void subscribers_get_the_end_when_the_instance_goes(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	ask(f, 7, true, false);
	add(log, "last");
	spacelog_close(log);
	assert_int_equal(f->upstream.sent, 3);
	assert_int_equal(last_chunk(f)->n_lines, 0);
	assert_true(last_chunk(f)->end);
}

static void an_instance_that_is_elsewhere_cannot_be_followed(void **state)
{
	struct fixture *f = *state;
	ask(f, 7, true, false);
	assert_true(last_chunk(f)->end);
	assert_string_equal(last_chunk(f)->error, "the instance is not on this zhost");
}

static void resume(struct fixture *f, uint64_t request, const char *path)
{
	Samoza__V1__LogRequest q = SAMOZA__V1__LOG_REQUEST__INIT;
	q.request = request;
	q.topology = (char *)"t1";
	q.path = (char *)(uintptr_t)path;
	q.has_lines = q.has_follow = q.follow = q.has_resume = q.resume = true;
	q.lines = 0;
	log_service_take(f->service, &q);
}

static void what_is_printed_between_two_connections_is_told_on_the_second(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	ask(f, 7, true, false);
	/* The first one is being left already. */
	f->upstream.is_up = false;
	unsigned sent = f->upstream.sent;
	add(log, "one");
	assert_false(log_service_flush(f->service));
	log_service_disconnected(f->service);
	add(log, "two");
	f->upstream.is_up = true;
	(void)log_service_flush(f->service);
	assert_int_equal(f->upstream.sent, sent);
	resume(f, 7, "a");
	add(log, "three");
	assert_true(log_service_flush(f->service));
	assert_int_equal(f->upstream.sent, sent + 1);
	assert_int_equal(last_chunk(f)->request, 7);
	assert_int_equal(last_chunk(f)->n_lines, 3);
	assert_false(last_chunk(f)->end);
	/* Once, and not that of another instance. */
	resume(f, 7, "b");
	assert_true(last_chunk(f)->end);
	spacelog_close(log);
}

static void a_lost_connection_ends_what_nobody_resumes(void **state)
{
	struct fixture *f = *state;
	struct spacelog *log = log_of(f, "a");
	ask(f, 7, true, false);
	log_service_disconnected(f->service);
	add(log, "one");
	sim_loop_run(&f->loop, LOG_APART_MS);
	unsigned sent = f->upstream.sent;
	resume(f, 7, "a"); /* as a new one */
	assert_int_equal(f->upstream.sent, sent + 1);
	assert_int_equal(last_chunk(f)->n_lines, 0);
	log_service_disconnected(f->service);
	log_service_disconnected(f->service);
	sent = f->upstream.sent;
	add(log, "two");
	(void)log_service_flush(f->service);
	assert_int_equal(f->upstream.sent, sent);
	spacelog_close(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_lines_are_sent_with_an_end),
		TEST(lines_of_one_turn_are_sent_together_while_followed),
		TEST(two_requests_follow_one_log_until_both_are_cancelled),
		TEST(subscribers_get_the_end_when_the_instance_goes),
		TEST(an_instance_that_is_elsewhere_cannot_be_followed),
		TEST(what_is_printed_between_two_connections_is_told_on_the_second),
		TEST(a_lost_connection_ends_what_nobody_resumes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
