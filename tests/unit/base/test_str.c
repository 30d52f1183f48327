/*
 * Strings: comparison with NULL, prefixes, numbers to the last digit, edit distance, the hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"

static void formatting_allocates_what_it_needs(void **state)
{
	(void)state;
	CLEANUP(freep) char *text = str_printf("%s-%03d", "n", 7);
	assert_string_equal(text, "n-007");
	CLEANUP(freep) char *empty = str_printf("%s", "");
	assert_string_equal(empty, "");
	CLEANUP(freep) char *wide = str_printf("%5000d", 1);
	assert_int_equal(wide[4999], '1');
	assert_int_equal(wide[5000], '\0');
}

static void null_equals_only_null_and_sorts_first(void **state)
{
	(void)state;
	assert_true(str_equal(NULL, NULL));
	assert_false(str_equal(NULL, ""));
	assert_false(str_equal("", NULL));
	assert_true(str_equal("a", "a"));
	assert_false(str_equal("a", "A"));
	assert_int_equal(str_compare(NULL, NULL), 0);
	assert_true(str_compare(NULL, "") < 0);
	assert_true(str_compare("", NULL) > 0);
	assert_true(str_compare("a", "b") < 0);
	assert_true(str_compare("b", "a") > 0);
	assert_int_equal(str_compare("a", "a"), 0);
	assert_true(str_compare("\xc3\xa4", "z") >
		    0); /* by unsigned bytes, whatever the locale */
	assert_true(str_is_empty(NULL));
	assert_true(str_is_empty(""));
	assert_false(str_is_empty(" "));
}

static void prefixes_and_suffixes(void **state)
{
	(void)state;
	assert_true(str_has_prefix("web-1", "web"));
	assert_true(str_has_prefix("web", "web"));
	assert_true(str_has_prefix("web", ""));
	assert_false(str_has_prefix("we", "web"));
	assert_true(str_has_suffix("a.mex", ".mex"));
	assert_true(str_has_suffix(".mex", ".mex"));
	assert_true(str_has_suffix("a", ""));
	assert_false(str_has_suffix("mex", ".mex"));
	assert_false(str_has_suffix("a.mex ", ".mex"));
}

static void unsigned_numbers_are_digits_only_and_fit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {{"0", 0}, {"7", 7}, {"007", 7}, {"18446744073709551615", UINT64_MAX}};
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "1x",
					  "0x10",
					  "1.0",
					  "１",
					  "-0",
					  "1\n",
					  "\t1",
					  "18446744073709551616"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t value = 42;
		assert_int_equal(str_to_u64(good[i].text, &value), 0);
		assert_int_equal(value, good[i].value);
	}
	uint64_t untouched = 42;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (str_to_u64(bad[i], &untouched) != -1)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_int_equal(str_to_u64(NULL, &untouched), -1);
	assert_int_equal(untouched, 42);
}

static void signed_numbers_are_digits_with_one_minus_and_fit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0", 0},
		    {"-0", 0},
		    {"-7", -7},
		    {"9223372036854775807", INT64_MAX},
		    {"-9223372036854775808", INT64_MIN}};
	static const char *const bad[] = {"",
					  "-",
					  "--1",
					  "+1",
					  "- 1",
					  " -1",
					  "-1 ",
					  "1-",
					  "9223372036854775808",
					  "-9223372036854775809"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t value = 42;
		assert_int_equal(str_to_i64(good[i].text, &value), 0);
		assert_true(value == good[i].value);
	}
	int64_t untouched = 42;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (str_to_i64(bad[i], &untouched) != -1)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_int_equal(str_to_i64(NULL, &untouched), -1);
	assert_true(untouched == 42);
}

static void the_distance_counts_edits(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {{"", "", 0},
		     {"", "abc", 3},
		     {"abc", "abc", 0},
		     {"abc", "ab", 1},
		     {"abc", "xbc", 1},
		     {"abc", "acb", 2},
		     {"kitten", "sitting", 3},
		     {"capabilites", "capabilities", 1},
		     {"a", "bcdef", 5}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(str_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(str_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

/* Hashes are stored and compared between machines. */
static void the_hash_is_fnv_1a(void **state)
{
	(void)state;
	assert_true(str_hash("") == 0xcbf29ce484222325u);
	assert_true(str_hash("a") == 0xaf63dc4c8601ec8cu);
	assert_true(str_hash("foobar") == 0x85944171f73967e8u);
	assert_true(str_hash("\xff") == (0xcbf29ce484222325u ^ 0xffu) * 0x100000001b3u);
}

static void words_agree_with_their_number(void **state)
{
	static const struct {
		uint64_t count;
		const char *text;
	} cases[] = {
		{0, "0 units are"}, {1, "1 unit is"}, {2, "2 units are"}, {21, "21 units are"}};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		CLEANUP(freep)
		char *text = str_printf("%d unit%s %s", (int)cases[k].count,
					str_plural(cases[k].count), str_are(cases[k].count));
		assert_string_equal(text, cases[k].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formatting_allocates_what_it_needs),
		cmocka_unit_test(null_equals_only_null_and_sorts_first),
		cmocka_unit_test(prefixes_and_suffixes),
		cmocka_unit_test(unsigned_numbers_are_digits_only_and_fit),
		cmocka_unit_test(signed_numbers_are_digits_with_one_minus_and_fit),
		cmocka_unit_test(the_distance_counts_edits),
		cmocka_unit_test(the_hash_is_fnv_1a),
		cmocka_unit_test(words_agree_with_their_number),
	};
	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
