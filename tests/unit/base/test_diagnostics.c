/*
 * Findings about a user's files: all are kept, sorted by place, each once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/diagnostics.h"
#include "dies.h"

static char *all(const struct diagnostics *d)
{
	struct buffer out = BUFFER_INIT(10000);
	vector_for_each (&d->list, item) {
		CLEANUP(freep) char *text = diagnostic_text(item);
		assert_int_equal(buffer_printf(&out, "%s\n", text), 0);
	}
	return buffer_steal(&out);
}

static void findings_keep_their_order_until_they_are_sorted(void **state)
{
	(void)state;
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	assert_false(diagnostics_any(&d));
	diagnostics_add(&d, "b", 1, 1, "%s", "later file");
	diagnostics_add(&d, "a", 2, 1, "later line");
	diagnostics_add(&d, "a", 1, 10, "later column");
	diagnostics_add(&d, "a", 1, 9, "zz");
	diagnostics_add(&d, "a", 1, 9, "aa");
	diagnostics_add(&d, "a", 0, 0, "whole file");
	diagnostics_add(&d, NULL, 0, 0, "no file");
	assert_true(diagnostics_any(&d));
	CLEANUP(freep) char *before = all(&d);
	assert_string_equal(before, "b:1:1: later file\na:2:1: later line\n"
				    "a:1:10: later column\na:1:9: zz\na:1:9: aa\n"
				    "a: whole file\nno file\n");
	diagnostics_sort(&d);
	CLEANUP(freep) char *after = all(&d);
	assert_string_equal(after,
			    "no file\na: whole file\na:1:9: aa\na:1:9: zz\n"
			    "a:1:10: later column\na:2:1: later line\nb:1:1: later file\n");
}

static void equal_findings_become_one(void **state)
{
	(void)state;
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	diagnostics_sort(&d);
	for (unsigned i = 0; i < 10; i++) {
		diagnostics_add(&d, "a", 1, 1, "same");
		diagnostics_add(&d, "a", 1, 2, "same");
		diagnostics_add(&d, NULL, 0, 0, "same");
	}
	diagnostics_sort(&d);
	CLEANUP(freep) char *text = all(&d);
	assert_string_equal(text, "same\na:1:1: same\na:1:2: same\n");
	diagnostics_sort(&d);
	assert_int_equal(d.list.count, 3);
}

static void as_an_error_they_are_the_first_and_a_count(void **state)
{
	(void)state;
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	diagnostics_add(&d, "a.yaml", 4, 2, "unknown key '%s'", "x");
	CLEANUP(error_freep) struct error *one = NULL;
	assert_int_equal(diagnostics_error(&d, &one), ERR_INVALID);
	CLEANUP(freep) char *first = error_text(one);
	assert_string_equal(first, "a.yaml:4:2: unknown key 'x'");
	diagnostics_add(&d, "a.yaml", 5, 2, "other");
	diagnostics_add(&d, "a.yaml", 6, 2, "another");
	CLEANUP(error_freep) struct error *three = NULL;
	assert_int_equal(diagnostics_error(&d, &three), ERR_INVALID);
	CLEANUP(freep) char *text = error_text(three);
	assert_string_equal(text, "a.yaml:4:2: unknown key 'x' (and 2 more)");
	assert_int_equal(diagnostics_error(&d, NULL), ERR_INVALID);
}

static void a_message_is_not_a_format(void **state)
{
	(void)state;
	CLEANUP(diagnostics_done) struct diagnostics d = {0};
	diagnostics_add(&d, "%n.yaml", 1, 1, "%s", "100%s %n");
	CLEANUP(error_freep) struct error *err = NULL;
	(void)diagnostics_error(&d, &err);
	CLEANUP(freep) char *text = error_text(err);
	assert_string_equal(text, "%n.yaml:1:1: 100%s %n");
}

static void make_an_error_of_nothing(void)
{
	struct diagnostics d = {0};
	(void)diagnostics_error(&d, NULL);
}

static void mistakes_end_the_program(void **state)
{
	(void)state;
	expect_abort(make_an_error_of_nothing, "precondition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_keep_their_order_until_they_are_sorted),
		cmocka_unit_test(equal_findings_become_one),
		cmocka_unit_test(as_an_error_they_are_the_first_and_a_count),
		cmocka_unit_test(a_message_is_not_a_format),
		cmocka_unit_test(mistakes_end_the_program),
	};
	return cmocka_run_group_tests_name("diagnostics", tests, NULL, NULL);
}
