/* What zrms remembers of modules has limits: the oldest makes room (zrms/submission: translations.c, modules.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../wasm2c/builder.h"
#include "base/str.h"
#include "zrms/submission/stages.h"
#include "zrms/submission/translations.h"

enum { KNOWN = 2000, REFUSED = 1000, CHECKED = 10000, LIMIT_MS = 240 * 1000 };

struct stage {
	struct loop loop;
	char directory[64];
	struct translator *translator;
	struct translations *translations;
	struct loop_timer *limit;
	bool is_waiting;
	unsigned answers;
	int code; /* of the last answer */
};

static void on_limit(void *user)
{
	(void)user;
	fail_msg("the translations do not end");
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
	loop_timer_at(s->limit, loop_now(&s->loop).mono_ms + LIMIT_MS);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	translations_stop(s->translations);
	translations_free(s->translations);
	translator_free(s->translator);
	loop_timer_free(s->limit);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s);
	return r;
}

static void digest_of(unsigned number, char ret_digest[65])
{
	(void)snprintf(ret_digest, 65, "%064x", number);
}

static void on_done(void *user, int code, const struct error *error,
		    const struct native_code *native)
{
	struct stage *s = user;
	assert_true((error == NULL) == (native != NULL));
	s->code = code;
	s->answers++;
	if (s->is_waiting) /* it may be answered at once */
		loop_stop(&s->loop);
}

/* The same content under many names: only the first translation takes its time. Returns the answer. */
static int ask(struct stage *s, unsigned number, bool is_module)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(BUILDER_MAX);
	char digest[65];
	unsigned answers = s->answers;
	digest_of(number, digest);
	wasm_data_module(&b, 1, 100);
	if (!is_module)
		b.data[0] ^= 1;
	const struct translation_request request = {.module_digest = digest,
						    .module = mem_memdup(b.data, b.size),
						    .size = b.size,
						    .memory_bytes = 64ull << 20,
						    .code_bytes = 4};
	translations_ask(s->translations, &request, on_done, s);
	s->is_waiting = true;
	while (s->answers == answers)
		loop_run(&s->loop);
	s->is_waiting = false;
	return s->code;
}

static bool is_known(const struct stage *s, unsigned number)
{
	char digest[65];
	digest_of(number, digest);
	return translations_known(s->translations, digest) != NULL;
}

static void the_oldest_translation_makes_room(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < KNOWN; k++)
		assert_int_equal(ask(s, k, true), 0);
	assert_true(is_known(s, 0));
	assert_int_equal(ask(s, KNOWN, true), 0);
	assert_false(is_known(s, 0));
	assert_true(is_known(s, 1));
	assert_true(is_known(s, KNOWN));
}

/* A module that was refused is not looked at again: a good one under its name is refused, too. */
static void the_oldest_refusal_makes_room(void **state)
{
	struct stage *s = *state;
	for (unsigned k = 0; k < REFUSED; k++)
		assert_int_equal(ask(s, k, false), ERR_INVALID);
	assert_int_equal(ask(s, 0, true), ERR_INVALID);
	assert_int_equal(ask(s, REFUSED, false), ERR_INVALID);
	assert_int_equal(ask(s, 1, true), ERR_INVALID);
	assert_int_equal(ask(s, 0, true), 0);
}

static void nothing(struct submission *s)
{
	(void)s;
}

static bool is_checked(struct submissions *all, const struct mex_file *file)
{
	struct submission s = {.all = all};
	*vector_add(&s.modules) = (struct submitted_module){.file = file, .memory_bytes = 1};
	(void)submission_modules_recall(&s);
	bool is_checked = s.modules.items[0].is_checked;
	vector_done(&s.modules);
	return is_checked;
}

static void the_oldest_check_makes_room(void **state)
{
	(void)state;
	struct submissions all = {0};
	struct submission s = {.all = &all};
	struct mex_file *files = mem_new_array(struct mex_file, CHECKED + 1);
	for (unsigned k = 0; k <= CHECKED; k++) {
		digest_of(k, files[k].hash);
		*vector_add(&s.modules) = (struct submitted_module){
			.file = &files[k], .memory_bytes = 1, .is_known = true};
	}
	s.modules.count = CHECKED;
	submission_modules_translate(&s, nothing);
	assert_true(is_checked(&all, &files[0]));
	s.modules.count = CHECKED + 1;
	submission_modules_translate(&s, nothing);
	assert_false(is_checked(&all, &files[0]));
	assert_true(is_checked(&all, &files[1]));
	assert_true(is_checked(&all, &files[CHECKED]));
	checked_modules_free(&all);
	vector_done(&s.modules);
	free(files);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_oldest_translation_makes_room),
		TEST(the_oldest_refusal_makes_room),
		cmocka_unit_test(the_oldest_check_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
