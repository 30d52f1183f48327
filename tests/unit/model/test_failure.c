/*
 * FailureReasons: a sentence and its code, and the names of the codes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/failure.h"

static void each_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_null(failure_code_name(FAILURE_NONE));
	for (unsigned k = 1; k < FAILURE_CODE_COUNT; k++) {
		const char *name = failure_code_name((enum failure_code)k);
		assert_non_null(name);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		assert_true(strlen(name) < 32);
		assert_int_equal(failure_code_find(name), k);
	}
	assert_int_equal(failure_code_find(NULL), FAILURE_NONE);
	assert_int_equal(failure_code_find(""), FAILURE_NONE);
	assert_int_equal(failure_code_find("no-such-code"), FAILURE_NONE);
}

/* Clients, and the stores of zrms, know them by these names. */
static void released_codes_keep_their_names(void **state)
{
	(void)state;
	assert_string_equal(failure_code_name(FAILURE_CAPACITY), "insufficient-capacity");
	assert_string_equal(failure_code_name(FAILURE_NO_ZHOST), "no-zhost-available");
	assert_string_equal(failure_code_name(FAILURE_ATTEMPTS), "attempts-exhausted");
	assert_string_equal(failure_code_name(FAILURE_IMPORT), "import-unresolved");
}

static void a_reason_has_a_code_exactly_where_it_has_a_text(void **state)
{
	(void)state;
	char *text = NULL, *code = NULL;
	struct failure_reason none = failure_take(FAILURE_CAPACITY, NULL);
	assert_int_equal(none.code, FAILURE_NONE);
	failure_show(none, &text, &code);
	assert_null(text);
	assert_null(code);

	struct failure_reason one = failure_new(FAILURE_ATTEMPTS, "%s failed", "api");
	CLEANUP(failure_done) struct failure_reason copy = failure_copy(&one);
	CLEANUP(failure_done)
	struct failure_reason other = failure_new(FAILURE_EXITED, "api failed");
	assert_true(failure_equal(&one, &copy));
	assert_false(failure_equal(&one, &other)); /* the same text of another kind */
	failure_show(one, &text, &code);
	assert_string_equal(text, "api failed");
	assert_string_equal(code, "attempts-exhausted");
	free(text);
	free(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_has_a_name_of_its_own),
		cmocka_unit_test(released_codes_keep_their_names),
		cmocka_unit_test(a_reason_has_a_code_exactly_where_it_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
