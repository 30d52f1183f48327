/* zhost/artifact/compilation.c: modules that are compiled here, without holding up the loop. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../port/turns.h"
#include "../wasm2c/builder.h"
#include "adapter/uv/loop.h"
#include "base/str.h"
#include "zhost/artifact/compilation.h"

enum { TURN_MS_MAX = 20, LIMIT_MS = 240 * 1000 };
#define MEMORY (64ull << 20)

struct stage {
	struct loop loop;
	char directory[64];
	struct compiler *compiler;
	struct loop_timer *cancel, *limit;
	struct compilation *compilation;
	char *path, *error;
};

static void on_cancel(void *user)
{
	struct stage *s = user;
	compilation_cancel(s->compilation);
	loop_stop(&s->loop);
}

static void on_limit(void *user)
{
	(void)user;
	fail_msg("the compilation does not end");
}

static void on_done(void *user, const char *path, struct error *error)
{
	struct stage *s = user;
	s->compilation = NULL;
	s->path = mem_strdup(path);
	s->error = error != NULL ? mem_strdup(error->message) : NULL;
	error_free(error);
	loop_stop(&s->loop);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-test-XXXXXX");
	if (mkdtemp(s->directory) == NULL || loop_init(&s->loop, NULL) < 0)
		return -1;
	s->compiler = compiler_new(&s->loop, s->directory);
	s->cancel = loop_timer_new(&s->loop, on_cancel, s);
	s->limit = loop_timer_new(&s->loop, on_limit, s);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	compiler_free(s->compiler);
	loop_timer_free(s->cancel);
	loop_timer_free(s->limit);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s->path);
	free(s->error);
	free(s);
	return r;
}

/* `cancel_ms`: when it is cancelled; -1: not at all. */
static void compile(struct stage *s, const char *module, int64_t cancel_ms)
{
	int64_t now = loop_now(&s->loop).mono_ms;
	loop_timer_at(s->cancel, cancel_ms >= 0 ? now + cancel_ms : NEVER_MS);
	loop_timer_at(s->limit, now + LIMIT_MS);
	s->compilation = compilation_new(s->compiler, module, MEMORY, on_done, s);
	loop_run(&s->loop);
}

/* The caller frees. */
static char *module_with_data(const struct stage *s, uint32_t size)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	char *path = str_printf("%s/module.wasm", s->directory);
	FILE *f = fopen(path, "wb");
	wasm_data_module(&b, 1, size);
	assert_non_null(f);
	assert_int_equal(fwrite(b.data, 1, b.size, f), b.size);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* Its check alone took a second of the loop, and what is made of it half a second. */
static void a_large_module_holds_up_nothing(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *module = module_with_data(s, 31u << 20);
	for (int again = 0; again < 2; again++) { /* compiled, and in the cache */
		struct turns turns;
		turns_begin(&turns, &s->loop);
		compile(s, module, -1);
		double longest_ms = turns_end(&turns);
		assert_null(s->error);
		assert_int_equal(access(s->path, R_OK), 0);
		print_message("%u turns, the longest %.1f ms\n", turns.count, longest_ms);
		assert_true(longest_ms < TURN_MS_MAX);
		free(steal_ptr(&s->path));
	}
}

static void what_cannot_be_compiled_is_an_error(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *module = str_printf("%s/none.wasm", s->directory);
	compile(s, module, -1);
	assert_null(s->path);
	assert_non_null(strstr(s->error, "cannot read module"));
}

/* In a thread, while a program runs, and between. */
static void it_can_be_cancelled_at_any_time(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *module = module_with_data(s, 200);
	for (int64_t ms = 0; s->path == NULL; ms += 1 + ms / 4) {
		compile(s, module, ms);
		assert_null(s->error);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_large_module_holds_up_nothing),
		TEST(what_cannot_be_compiled_is_an_error),
		TEST(it_can_be_cancelled_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
