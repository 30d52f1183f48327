/* The token of an instance, as zrms hears of it. In virtual time. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/sim/loop.h"
#include "base/memory.h"
#include "fake_upstream.h"
#include "zhost/space/api_token.h"

struct fixture {
	struct loop loop;
	struct fake_upstream upstream;
	Samoza__V1__InstanceKey key;
	Samoza__V1__InstanceSpec spec;
	struct zrun_process *process;
	char directory[32];
	int run_fd;
	struct api_token token;
	unsigned starts;
};

static int begin(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	sim_loop_init(&f->loop);
	fake_upstream_init(&f->upstream);
	strcpy(f->directory, "/tmp/zhost-token-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->run_fd = open(f->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->run_fd >= 0);
	samoza__v1__instance_key__init(&f->key);
	samoza__v1__instance_spec__init(&f->spec);
	f->key.topology = f->key.path = (char *)"ops";
	api_token_init(&f->token, &(struct api_token_of){.loop = &f->loop,
							 .upstream = &f->upstream.upstream,
							 .run_fd = f->run_fd,
							 .key = &f->key,
							 .file_name = "ops@1",
							 .spec = &f->spec,
							 .process = &f->process});
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	api_token_done(&f->token);
	assert_true(unlinkat(f->run_fd, "ops@1.a", 0) == 0);
	(void)close(f->run_fd);
	assert_int_equal(rmdir(f->directory), 0);
	fake_upstream_done(&f->upstream);
	sim_loop_done(&f->loop);
	free(f);
	return 0;
}

/* Its programs run from here on. */
static void on_start(void *user, const char *note)
{
	(void)note;
	struct fixture *f = user;
	f->starts++;
	f->process = (struct zrun_process *)(uintptr_t)f; /* never looked into */
}

static void zrms_says(struct fixture *f, const char *refused)
{
	Samoza__V1__ApiTokenTaken taken = SAMOZA__V1__API_TOKEN_TAKEN__INIT;
	taken.key = &f->key;
	taken.hash = (ProtobufCBinaryData){sizeof(f->token.hash), f->token.hash};
	taken.refused = (char *)(uintptr_t)refused;
	api_token_take(&f->token, &taken);
}

static void what_zrms_refuses_is_said_again_until_it_is_taken(void **state)
{
	struct fixture *f = *state;
	api_token_begin(&f->token, on_start, f);
	assert_int_equal(f->upstream.sent, 1);
	zrms_says(f, "it is not to run");
	assert_int_equal(f->starts, 1);
	sim_loop_run(&f->loop, API_TOKEN_AGAIN_MS - 1);
	assert_int_equal(f->upstream.sent, 1);
	sim_loop_run(&f->loop, 1);
	assert_int_equal(f->upstream.sent, 2);
	zrms_says(f, "it is not to run");
	sim_loop_run(&f->loop, 2 * API_TOKEN_AGAIN_MS);
	assert_int_equal(f->upstream.sent, 3);
	zrms_says(f, NULL);
	sim_loop_run(&f->loop, 10 * API_TOKEN_AGAIN_MAX_MS);
	assert_int_equal(f->upstream.sent, 3);
	assert_int_equal(f->starts, 1);
}

/* Ever more seldom, and as soon as there is a link. */
static void what_zrms_does_not_answer_is_said_again(void **state)
{
	struct fixture *f = *state;
	f->upstream.result = -EAGAIN; /* no room */
	api_token_begin(&f->token, on_start, f);
	assert_int_equal(f->starts, 1);
	sim_loop_run(&f->loop, API_TOKEN_AGAIN_MAX_MS);
	assert_int_equal(f->upstream.sent, 0);
	f->upstream.result = 0;
	sim_loop_run(&f->loop, 10 * API_TOKEN_AGAIN_MAX_MS);
	assert_in_range(f->upstream.sent, 10, 11);
	unsigned before = f->upstream.sent;
	api_token_connected(&f->token);
	sim_loop_run(&f->loop, API_TOKEN_AGAIN_MS);
	assert_int_equal(f->upstream.sent, before + 2);
	zrms_says(f, NULL);
}

static void nothing_is_said_of_what_has_ended(void **state)
{
	struct fixture *f = *state;
	api_token_begin(&f->token, on_start, f);
	zrms_says(f, "it is not to run");
	f->process = NULL;
	sim_loop_run(&f->loop, 10 * API_TOKEN_AGAIN_MAX_MS);
	assert_int_equal(f->upstream.sent, 1);
	/* The next start has another one. */
	api_token_begin(&f->token, on_start, f);
	assert_int_equal(f->upstream.sent, 2);
	zrms_says(f, "it is not to run");
	sim_loop_run(&f->loop, API_TOKEN_AGAIN_MS);
	assert_int_equal(f->upstream.sent, 3);
}

/* A report of the process before, on its way when the start began, has ended it there. */
static void what_is_taken_is_said_once_more_when_it_is_started(void **state)
{
	struct fixture *f = *state;
	api_token_begin(&f->token, on_start, f);
	zrms_says(f, NULL);
	assert_int_equal(f->upstream.sent, 1);
	api_token_started(&f->token);
	assert_int_equal(f->upstream.sent, 2);
	zrms_says(f, NULL);
	sim_loop_run(&f->loop, 10 * API_TOKEN_AGAIN_MAX_MS);
	assert_int_equal(f->upstream.sent, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_zrms_refuses_is_said_again_until_it_is_taken),
		TEST(what_zrms_does_not_answer_is_said_again),
		TEST(nothing_is_said_of_what_has_ended),
		TEST(what_is_taken_is_said_once_more_when_it_is_started),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
