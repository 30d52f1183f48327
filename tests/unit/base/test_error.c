/*
 * Errors: untouched on success, set once, wrapped while unwinding, with the place in the user's file.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "dies.h"

static void an_error_has_a_code_and_a_message(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(error_set(&err, ERR_CONFLICT, "%s is %d", "x", 7), ERR_CONFLICT);
	assert_int_equal(err->code, ERR_CONFLICT);
	assert_string_equal(err->message, "x is 7");
	assert_null(err->file);
	CLEANUP(freep) char *text = error_text(err);
	assert_string_equal(text, "x is 7");
}

static void an_error_without_a_place_to_go_is_its_code(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERR_LIMIT, "%d", 1), ERR_LIMIT);
	assert_int_equal(error_set_at(NULL, ERR_INVALID, "f", 1, 2, "%d", 1), ERR_INVALID);
	errno = ENOENT;
	assert_int_equal(error_errno(NULL, "open"), ERR_NOT_FOUND);
	assert_int_equal(error_wrap(NULL, "while"), ERR_IO);
	struct error *from = NULL;
	(void)error_set(&from, ERR_STALE, "old");
	assert_int_equal(error_move(NULL, from), ERR_STALE); /* and frees it */
}

static void the_place_stands_in_front(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		unsigned line, column;
		const char *text;
	} cases[] = {{"a.yaml", 3, 14, "a.yaml:3:14: bad"},
		     {"a.yaml", 0, 0, "a.yaml: bad"},
		     {NULL, 3, 14, "bad"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		assert_int_equal(error_set_at(&err, ERR_INVALID, cases[i].file, cases[i].line,
					      cases[i].column, "bad"),
				 ERR_INVALID);
		CLEANUP(freep) char *text = error_text(err);
		assert_string_equal(text, cases[i].text);
	}
}

static void errno_becomes_a_code_and_a_message(void **state)
{
	(void)state;
	static const struct {
		int number;
		enum error_code code;
	} cases[] = {{ENOENT, ERR_NOT_FOUND}, {EACCES, ERR_DENIED}, {EPERM, ERR_DENIED},
		     {EIO, ERR_IO},	      {ENOSPC, ERR_IO},	    {EAGAIN, ERR_IO}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		errno = cases[i].number;
		assert_int_equal(error_errno(&err, "cannot open %s", "k"), cases[i].code);
		CLEANUP(freep)
		char *expected = str_printf("cannot open k: %s", strerror(cases[i].number));
		assert_string_equal(err->message, expected);
	}
}

static void wrapping_puts_the_context_in_front_and_keeps_the_rest(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	(void)error_set_at(&err, ERR_DENIED, "k.pub", 2, 3, "not a key");
	assert_int_equal(error_wrap(&err, "trust of %s", "dev"), ERR_DENIED);
	assert_int_equal(error_wrap(&err, "submit"), ERR_DENIED);
	CLEANUP(freep) char *text = error_text(err);
	assert_string_equal(text, "k.pub:2:3: submit: trust of dev: not a key");
	struct error *none = NULL;
	assert_int_equal(error_wrap(&none, "nothing to wrap"), ERR_IO);
	assert_null(none);
}

static void moving_hands_the_error_over(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	struct error *from = NULL;
	(void)error_set(&from, ERR_TIMEOUT, "late");
	assert_int_equal(error_move(&err, from), ERR_TIMEOUT);
	assert_ptr_equal(err, from);
}

static void nothing_can_be_freed(void **state)
{
	(void)state;
	error_free(NULL);
	struct error *err = NULL;
	error_freep(&err);
}

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = ERR_STALE; a <= ERR_INVALID; a++) {
		const char *name = error_code_name((enum error_code)a);
		assert_string_not_equal(name, "unknown");
		for (int b = a + 1; b <= ERR_INVALID; b++)
			assert_string_not_equal(name, error_code_name((enum error_code)b));
	}
	assert_string_equal(error_code_name((enum error_code)0), "unknown");
	assert_string_equal(error_code_name((enum error_code)(ERR_STALE - 1)), "unknown");
}

static void set_an_error_twice(void)
{
	struct error *err = NULL;
	(void)error_set(&err, ERR_IO, "one");
	(void)error_set(&err, ERR_IO, "two");
}

static void move_onto_an_error(void)
{
	struct error *err = NULL, *from = NULL;
	(void)error_set(&err, ERR_IO, "one");
	(void)error_set(&from, ERR_IO, "two");
	(void)error_move(&err, from);
}

static void mistakes_end_the_program(void **state)
{
	(void)state;
	expect_abort(set_an_error_twice, "precondition");
	expect_abort(move_onto_an_error, "precondition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_a_code_and_a_message),
		cmocka_unit_test(an_error_without_a_place_to_go_is_its_code),
		cmocka_unit_test(the_place_stands_in_front),
		cmocka_unit_test(errno_becomes_a_code_and_a_message),
		cmocka_unit_test(wrapping_puts_the_context_in_front_and_keeps_the_rest),
		cmocka_unit_test(moving_hands_the_error_over),
		cmocka_unit_test(nothing_can_be_freed),
		cmocka_unit_test(every_code_has_a_name_of_its_own),
		cmocka_unit_test(mistakes_end_the_program),
	};
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
