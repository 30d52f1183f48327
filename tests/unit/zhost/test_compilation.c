/* zhost/artifact/compilation.c: modules that are compiled here, without holding up the loop. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* A wasm2c that holds modules with much data until there is a file "go". */
static void hold_large_modules(const struct stage *s)
{
	CLEANUP(freep) char *path = str_printf("%s/wasm2c", s->directory);
	CLEANUP(freep)
	char *programs = str_printf("%s:%s", s->directory, getenv("PATH"));
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f,
		      "#!/bin/sh\n"
		      "if [ -e image ] && [ $(stat -c %%s image) -gt 300000 ]; then\n"
		      "  while [ ! -e %s/go ]; do sleep 0.02; done\n"
		      "fi\nPATH=%s exec wasm2c \"$@\"\n",
		      s->directory, getenv("PATH"));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(setenv("PATH", programs, 1), 0);
}

struct one {
	struct stage *stage;
	bool is_last; /* of which it is waited for */
	bool is_done;
};

static void on_one(void *user, const char *path, struct error *error)
{
	struct one *one = user;
	assert_null(error);
	assert_non_null(path);
	one->is_done = true;
	if (one->is_last)
		loop_stop(&one->stage->loop);
}

static void small_modules_do_not_wait_for_large_ones(void **state)
{
	static const uint32_t sizes[] = {2u << 20, 2u << 20, 1u << 20, 3u << 20, 2000};
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	struct stage *s = *state;
	struct one all[COUNT];
	struct compilation *compilations[COUNT];
	CLEANUP(freep) char *programs = mem_strdup(getenv("PATH"));
	hold_large_modules(s);
	for (unsigned n = 0; n < COUNT; n++) {
		CLEANUP(freep) char *module = module_with_data(s, sizes[n] + n);
		CLEANUP(freep) char *own = str_printf("%s-%u", module, n);
		assert_int_equal(rename(module, own), 0);
		all[n] = (struct one){.stage = s, .is_last = n == COUNT - 1};
		compilations[n] = compilation_new(s->compiler, own, MEMORY, on_one, &all[n]);
	}
	loop_timer_at(s->limit, loop_now(&s->loop).mono_ms + LIMIT_MS / 4);
	loop_run(&s->loop);
	for (unsigned n = 0; n < COUNT; n++)
		assert_int_equal(all[n].is_done, all[n].is_last);
	/* One that waits and one that runs are cancelled; then the smallest of what waits. */
	compilation_cancel(compilations[3]);
	compilation_cancel(compilations[0]);
	all[2].is_last = all[1].is_last = true;
	CLEANUP(freep) char *go = str_printf("%s/go", s->directory);
	FILE *f = fopen(go, "w");
	assert_non_null(f);
	(void)fclose(f);
	while (!all[1].is_done || !all[2].is_done)
		loop_run(&s->loop);
	assert_false(all[0].is_done || all[3].is_done);
	assert_int_equal(setenv("PATH", programs, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_large_module_holds_up_nothing),
		TEST(what_cannot_be_compiled_is_an_error),
		TEST(it_can_be_cancelled_at_any_time),
		TEST(small_modules_do_not_wait_for_large_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
