/*
 * Text from anywhere made fit for a terminal and a log: UTF-8 decoded strictly, everything that
 * moves, hides or turns text escaped, everything else left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

static void characters_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		uint32_t code;
	} cases[] = {{"a", 1, 'a'},
		     {"\x7f", 1, 0x7f},
		     {"\xc2\x80", 2, 0x80},
		     {"\xdf\xbf", 2, 0x7ff},
		     {"\xe0\xa0\x80", 3, 0x800},
		     {"\xed\x9f\xbf", 3, 0xd7ff},
		     {"\xee\x80\x80", 3, 0xe000},
		     {"\xef\xbf\xbf", 3, 0xffff},
		     {"\xf0\x90\x80\x80", 4, 0x10000},
		     {"\xf4\x8f\xbf\xbf", 4, 0x10ffff}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t code = 0;
		bool valid = false;
		assert_int_equal(
			text_next(cases[i].bytes, strlen(cases[i].bytes), &code, &valid),
			cases[i].length);
		assert_true(valid);
		assert_int_equal(code, cases[i].code);
	}
	uint32_t code = 1;
	bool valid = false;
	assert_int_equal(text_next("\0x", 2, &code, &valid), 1);
	assert_true(valid);
	assert_int_equal(code, 0);
}

static void what_is_not_utf8_is_one_byte(void **state)
{
	(void)state;
	static const struct {
		const char *why, *bytes;
	} cases[] = {{"a continuation alone", "\x80"},
		     {"overlong in two", "\xc0\xaf"},
		     {"overlong in two", "\xc1\xbf"},
		     {"overlong in three", "\xe0\x9f\xbf"},
		     {"overlong in four", "\xf0\x8f\xbf\xbf"},
		     {"a surrogate", "\xed\xa0\x80"},
		     {"a surrogate", "\xed\xbf\xbf"},
		     {"beyond the last", "\xf4\x90\x80\x80"},
		     {"beyond the last", "\xf5\x80\x80\x80"},
		     {"no lead", "\xff"},
		     {"cut off", "\xc3"},
		     {"cut off", "\xe2\x82"},
		     {"cut off", "\xf0\x9f\x98"},
		     {"no continuation", "\xc3("},
		     {"no second continuation", "\xe2\x82("}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t code = 0;
		bool valid = true;
		size_t n = text_next(cases[i].bytes, strlen(cases[i].bytes), &code, &valid);
		if (n != 1 || valid || code != (unsigned char)cases[i].bytes[0])
			fail_msg("%s (case %zu): length %zu, valid %d, code %x", cases[i].why,
				 i, n, valid, code);
	}
}

static void every_code_point_survives_the_round_trip(void **state)
{
	(void)state;
	for (uint32_t code = 0x80; code <= 0x10ffff; code++) {
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		char bytes[4];
		size_t n = 0;
		if (code >= 0x10000)
			bytes[n++] = (char)(0xf0 | code >> 18);
		if (code >= 0x800)
			bytes[n] = (char)((n > 0 ? 0x80 : 0xe0) | (code >> 12 & 0x3f)), n++;
		bytes[n] = (char)((n > 0 ? 0x80 : 0xc0) | (code >> 6 & 0x3f)), n++;
		bytes[n++] = (char)(0x80 | (code & 0x3f));
		uint32_t read = 0;
		bool valid = false;
		if (text_next(bytes, n, &read, &valid) != n || !valid || read != code)
			fail_msg("U+%X is read as U+%X, valid %d", code, read, valid);
	}
}

static void what_hides_or_turns_text_is_not_printable(void **state)
{
	(void)state;
	static const uint32_t bad[] = {0,      0x1f,   0x7f,   0x80,   0x9f,	0x200b,
				       0x200f, 0x2028, 0x202e, 0x2060, 0x2066,	0x206f,
				       0x061c, 0xfeff, 0xfff9, 0xfffb, 0xe0000, 0xe007f};
	static const uint32_t good[] = {' ',	0x7e,	0xa0,	 0x200a,  0x2010,  0x2027,
					0x202f, 0x205f, 0x2070,	 0x061b,  0x061d,  0xfefe,
					0xfffd, 0xfffc, 0xe0080, 0x1f600, 0x10ffff};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (text_is_printable(bad[i]))
			fail_msg("U+%X is printable", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (!text_is_printable(good[i]))
			fail_msg("U+%X is not printable", good[i]);
	}
}

static void escaped(const char *text, const char *expected)
{
	CLEANUP(freep) char *result = text_escaped(text);
	assert_string_equal(result, expected);
}

static void only_what_is_not_fit_is_escaped(void **state)
{
	(void)state;
	escaped("", "");
	escaped("plain, \"quoted\" \\ text", "plain, \"quoted\" \\ text");
	escaped("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
	escaped("a\nb\tc\rd", "a\\nb\\tc\\rd");
	escaped("\x1b[31m\x07\x7f", "\\x1b[31m\\x07\\x7f");
	escaped("\xff\xc3(", "\\xff\\xc3(");
	escaped("\xe2\x80\xae txt.exe", "\\u{202e} txt.exe");
	escaped("\xc2\x9b", "\\u{9b}");
	escaped("\xf3\xa0\x81\xbf", "\\u{e007f}");
	assert_null(text_escaped(NULL));
}

static void the_longest_escapes_fit(void **state)
{
	(void)state;
	char raw[400];
	memset(raw, 0x01, sizeof(raw) - 1);
	raw[sizeof(raw) - 1] = '\0';
	CLEANUP(freep) char *result = text_escaped(raw);
	assert_int_equal(strlen(result), (sizeof(raw) - 1) * 4);
}

static void bytes_with_nul_are_escaped_by_length(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(100);
	text_escape_n(&out, "a\0b", 3);
	assert_string_equal(out.data, "a\\x00b");
	text_escape(&out, "\n");
	assert_string_equal(out.data, "a\\x00b\\n");
}

static void a_full_buffer_ends_between_characters(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(5);
	text_escape(&out, "abc\x01z"); /* \x01 needs four bytes: two are left */
	assert_string_equal(out.data, "abc");
	buffer_clear(&out);
	text_escape(&out, "abc\xc3\xbc\xc3\xbc");
	assert_string_equal(out.data, "abc\xc3\xbc");
}

static void quoted(const char *text, const char *expected)
{
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(1000);
	text_quote(&out, text);
	assert_string_equal(out.data, expected);
}

static void values_of_a_log_are_quoted_where_they_must_be(void **state)
{
	(void)state;
	quoted("edge-node-1", "edge-node-1");
	quoted("127.0.0.1:7331", "127.0.0.1:7331");
	quoted("[::1]:80", "[::1]:80");
	quoted("50%", "50%");
	quoted("", "\"\"");
	quoted("two words", "\"two words\"");
	quoted("a=b", "\"a=b\"");
	quoted("say \"no\" \\", "\"say \\\"no\\\" \\\\\"");
	quoted("line\nend", "\"line\\nend\"");
	quoted("\xc3\xbc", "\"\xc3\xbc\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_decoded),
		cmocka_unit_test(what_is_not_utf8_is_one_byte),
		cmocka_unit_test(every_code_point_survives_the_round_trip),
		cmocka_unit_test(what_hides_or_turns_text_is_not_printable),
		cmocka_unit_test(only_what_is_not_fit_is_escaped),
		cmocka_unit_test(the_longest_escapes_fit),
		cmocka_unit_test(bytes_with_nul_are_escaped_by_length),
		cmocka_unit_test(a_full_buffer_ends_between_characters),
		cmocka_unit_test(values_of_a_log_are_quoted_where_they_must_be),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
