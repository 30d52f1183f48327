/* Lines of several logs in the order of their times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "zrms/log_merge.h"

static void add(struct log_merge *m, const char *origin, int second, const char *text,
		int64_t came_ms)
{
	struct log_cursor cursor = {0};
	char line[64];
	(void)snprintf(line, sizeof(line), "2026-04-30T10:30:%02d.000Z info  %s", second, text);
	assert_true(log_cursor_take(&cursor, line));
	log_merge_add(m, &cursor, origin, line, came_ms);
}

static const char *text_at(const struct log_merge *m, size_t i)
{
	return m->lines.items[i].text + 31;
}

static void lines_wait_for_earlier_ones_of_others(void **state)
{
	(void)state;
	struct log_merge m = {0};
	assert_int_equal(log_merge_oldest(&m), INT64_MAX);
	add(&m, "a", 1, "a1", 100);
	add(&m, "a", 5, "a5", 110);
	add(&m, "b", 3, "b3", 200);
	assert_int_equal(log_merge_oldest(&m), 100);
	assert_int_equal(log_merge_ready(&m, 99), 0);
	assert_int_equal(log_merge_ready(&m, 100), 1);
	/* What came in time takes with it what is earlier than it. */
	assert_int_equal(log_merge_ready(&m, 110), 3);
	assert_string_equal(text_at(&m, 0), "a1");
	assert_string_equal(text_at(&m, 1), "b3");
	assert_string_equal(text_at(&m, 2), "a5");
	log_merge_drop(&m, 2);
	assert_string_equal(text_at(&m, 0), "a5");
	assert_int_equal(log_merge_oldest(&m), 110);
	assert_int_equal(m.bytes, 33);
	log_merge_done(&m);
	assert_int_equal(m.bytes, 0);
}

static void lines_of_one_time_keep_the_order_in_which_they_came(void **state)
{
	(void)state;
	struct log_merge m = {0};
	for (int i = 0; i < 26; i++)
		add(&m, i % 2 == 0 ? "a" : "b", 7, (char[]){(char)('a' + i), '\0'}, i);
	assert_int_equal(log_merge_ready(&m, INT64_MAX), 26);
	for (int i = 0; i < 26; i++)
		assert_int_equal(text_at(&m, (size_t)i)[0], 'a' + i);
	log_merge_done(&m);
}

static void the_newest_are_kept(void **state)
{
	(void)state;
	struct log_merge m = {0};
	add(&m, "a", 9, "nine", 1);
	add(&m, "a", 1, "one", 2);
	log_merge_keep(&m, 2);
	assert_false(m.has_dropped);
	add(&m, "b", 5, "five", 3);
	log_merge_keep(&m, 2);
	assert_true(m.has_dropped);
	assert_int_equal(m.lines.count, 2);
	assert_string_equal(text_at(&m, 0), "five");
	assert_string_equal(text_at(&m, 1), "nine");
	log_merge_done(&m);
}

static void a_line_without_a_time_stands_after_the_one_before(void **state)
{
	(void)state;
	struct log_merge m = {0};
	struct log_cursor cursor = {0};
	add(&m, "b", 8, "eight", 1);
	assert_true(log_cursor_take(&cursor, "2026-04-30T10:30:04.000Z info  four"));
	log_merge_add(&m, &cursor, "a", "2026-04-30T10:30:04.000Z info  four", 1);
	log_merge_add(&m, &cursor, "a", "... lines are missing here", 1);
	assert_int_equal(log_merge_ready(&m, 1), 3);
	assert_string_equal(m.lines.items[1].text, "... lines are missing here");
	log_merge_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_wait_for_earlier_ones_of_others),
		cmocka_unit_test(lines_of_one_time_keep_the_order_in_which_they_came),
		cmocka_unit_test(the_newest_are_kept),
		cmocka_unit_test(a_line_without_a_time_stands_after_the_one_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
