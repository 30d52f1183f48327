/* A log that is read again after a loss: nothing is missing, nothing is taken twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log_cursor.h"

#define AT(second) "2026-04-30T10:30:" second ".123Z"

static void each_line_is_taken_once_when_it_is_read_again(void **state)
{
	(void)state;
	struct log_cursor c = {0};
	int64_t since = -1;
	log_cursor_again(&c, &since);
	assert_int_equal(since, 0);
	assert_true(log_cursor_take(&c, AT("00") " info  one"));
	assert_true(log_cursor_take(&c, AT("01") " info  two"));
	assert_true(log_cursor_take(&c, AT("01") " info  three"));
	log_cursor_again(&c, &since);
	assert_int_equal(since, 1777545001123);
	assert_false(log_cursor_take(&c, AT("00") " info  one"));
	assert_false(log_cursor_take(&c, AT("01") " info  two"));
	assert_false(log_cursor_take(&c, AT("01") " info  three"));
	assert_true(log_cursor_take(&c, AT("01") " info  four"));
	assert_true(log_cursor_take(&c, AT("02") " info  five"));
	/* A second loss before anything new. */
	log_cursor_again(&c, &since);
	assert_false(log_cursor_take(&c, AT("02") " info  five"));
	log_cursor_again(&c, &since);
	assert_false(log_cursor_take(&c, AT("02") " info  five"));
	assert_true(log_cursor_take(&c, AT("02") " info  six"));
}

static void lines_without_a_time_and_of_a_clock_set_back_are_taken(void **state)
{
	(void)state;
	struct log_cursor c = {0};
	int64_t since;
	assert_true(log_cursor_take(&c, "... lines are missing here"));
	assert_string_equal(c.time, "");
	assert_true(log_cursor_take(&c, AT("05") " info  one"));
	assert_true(log_cursor_take(&c, AT("03") " info  two"));
	assert_string_equal(c.time, AT("05"));
	log_cursor_again(&c, &since);
	assert_true(log_cursor_take(&c, "... lines are missing here"));
	assert_false(log_cursor_take(&c, AT("05")));
	assert_true(log_cursor_take(&c, AT("06")));
	assert_true(log_cursor_take(&c, AT("04")));
}

static void a_time_is_told_from_other_texts(void **state)
{
	(void)state;
	assert_true(log_time_is(AT("00")));
	assert_true(log_time_is(AT("00") " info  x"));
	assert_false(log_time_is(AT("00") "x"));
	assert_false(log_time_is(""));
	assert_false(log_time_is("2026-04-30T10:30:00Z"));
	assert_false(log_time_is("... lines are missing here, so it seems"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_taken_once_when_it_is_read_again),
		cmocka_unit_test(lines_without_a_time_and_of_a_clock_set_back_are_taken),
		cmocka_unit_test(a_time_is_told_from_other_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
