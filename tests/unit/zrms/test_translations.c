/* zrms/submission/translations.c: what it leaves to the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../port/turns.h"
#include "../wasm2c/builder.h"
#include "base/str.h"
#include "zrms/submission/translations.h"

enum { TURN_MS_MAX = 20, LIMIT_MS = 240 * 1000 };

struct stage {
	struct loop loop;
	char directory[64];
	struct translator *translator;
	struct translations *translations;
	struct loop_timer *limit, *stop;
	int code;
};

static void on_limit(void *user)
{
	(void)user;
	fail_msg("the translation does not end");
}

static void on_stop(void *user)
{
	translations_stop(((struct stage *)user)->translations);
}

static void on_done(void *user, int code, const struct error *error,
		    const struct native_code *native)
{
	struct stage *s = user;
	assert_true((error == NULL) == (native != NULL));
	s->code = code;
	loop_stop(&s->loop);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-test-XXXXXX");
	if (mkdtemp(s->directory) == NULL || loop_init(&s->loop, NULL) < 0)
		return -1;
	const struct translator_options options = {.cache_directory = s->directory};
	if (translator_new(&options, &s->translator, NULL) < 0)
		return -1;
	s->translations = translations_new(&s->loop, s->translator, 2);
	s->limit = loop_timer_new(&s->loop, on_limit, s);
	s->stop = loop_timer_new(&s->loop, on_stop, s);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	translations_free(s->translations);
	translator_free(s->translator);
	loop_timer_free(s->limit);
	loop_timer_free(s->stop);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s);
	return r;
}

static void ask(struct stage *s, uint32_t data_size)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	static const char digest[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	wasm_data_module(&b, 1, data_size);
	struct translation_request request = {.module_digest = digest,
					      .module = mem_calloc(1, b.size),
					      .size = b.size,
					      .memory_bytes = 64ull << 20,
					      .code_bytes = 4};
	memcpy(request.module, b.data, b.size);
	loop_timer_at(s->limit, loop_now(&s->loop).mono_ms + LIMIT_MS);
	translations_ask(s->translations, &request, on_done, s);
}

/* The end of the last program was followed by half a second in which zrms answered nothing. */
static void a_large_module_holds_up_nothing(void **state)
{
	struct stage *s = *state;
	struct turns turns;
	ask(s, 31u << 20);
	turns_begin(&turns, &s->loop);
	loop_run(&s->loop);
	double longest_ms = turns_end(&turns);
	print_message("%u turns, the longest %.1f ms\n", turns.count, longest_ms);
	assert_int_equal(s->code, 0);
	assert_true(translations_is_idle(s->translations));
	assert_true(longest_ms < TURN_MS_MAX);
}

/* While it waits for a thread, in one, and while a program runs. */
static void it_can_be_stopped_at_any_time(void **state)
{
	int code = ERR_UNAVAILABLE;
	end(state);
	for (int64_t ms = 0; code == ERR_UNAVAILABLE; ms += 1 + ms / 4) {
		assert_int_equal(begin(state), 0);
		struct stage *s = *state;
		ask(s, 200);
		loop_timer_at(s->stop, loop_now(&s->loop).mono_ms + ms);
		loop_run(&s->loop);
		assert_true(translations_is_idle(s->translations));
		code = s->code;
		end(state);
	}
	assert_int_equal(code, 0);
	assert_int_equal(begin(state), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_large_module_holds_up_nothing),
		TEST(it_can_be_stopped_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
