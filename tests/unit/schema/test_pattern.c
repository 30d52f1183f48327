/*
 * The pattern matcher agrees with the C library's regular expressions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "random_message.h"
#include "schema/pattern.h"
#include "schema/tables.h"

static void compare(const char *pattern, const regex_t *regex, const char *text)
{
	bool expected = regexec(regex, text, 0, NULL, 0) == 0;
	bool seen = pattern_matches(pattern, text, strlen(text));
	if (expected != seen)
		fail_msg("%s on '%s': expected %d, seen %d", pattern, text, expected, seen);
}

/* A match with one byte changed, removed or added. */
static void mutate(struct random *r, char *text)
{
	static const char bytes[] = "a0-._/ Z=+mKB$^";
	size_t size = strlen(text);
	size_t at = random_below(r, size + 1);
	char byte = bytes[random_below(r, sizeof(bytes) - 1)];
	if (size > 0 && at < size && random_below(r, 2) == 0)
		memmove(text + at, text + at + 1, size - at);
	else
		text[at] = byte;
}

static void check(struct random *r, const char *pattern)
{
	regex_t regex;
	assert_true(pattern_is_valid(pattern));
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	for (int i = 0; i < 200; i++) {
		CLEANUP(freep) char *match = random_match(r, pattern);
		CLEANUP(freep) char *text = mem_calloc(strlen(match) + 8, 1);
		memcpy(text, match, strlen(match));
		if (!pattern_matches(pattern, text, strlen(text)))
			fail_msg("%s does not match '%s'", pattern, text);
		for (int k = 0; k < 3; k++) {
			mutate(r, text);
			compare(pattern, &regex, text);
		}
	}
	compare(pattern, &regex, "");
	regfree(&regex);
}

static void test_patterns_of_the_schema(void **state)
{
	struct random r = {1};
	unsigned checked = 0;
	for (unsigned i = 0; i < schema_message_count; i++) {
		for (unsigned k = 0; k < schema_messages[i].field_count; k++) {
			const struct schema_field *f = &schema_messages[i].fields[k];
			if (f->pattern != NULL)
				check(&r, f->pattern);
			if (f->key_pattern != NULL)
				check(&r, f->key_pattern);
			checked += f->pattern != NULL;
		}
	}
	assert_true(checked > 30);
}

static void test_other_patterns(void **state)
{
	static const char *const patterns[] = {
		"^$",
		"^a|b$",
		"^(a|bc)*d$",
		"^(a*)*b$",
		"^(a|a)*b$",
		"^a{3}$",
		"^(ab?){2,4}$",
		"^a?b+c*$",
		"^((a|b)c|d)+$",
		"^[a-c]{0,2}x$",
		"^([a-z]+-)*y$",
	};
	struct random r = {2};
	for (size_t i = 1; i < ARRAY_SIZE(patterns); i++) {
		if (strchr(patterns[i], '|') != patterns[i] + 2) /* ^a|b$ differs: see below */
			check(&r, patterns[i]);
	}
	/* The anchors hold for all alternatives. */
	assert_true(pattern_matches("^a|b$", "b", 1));
	assert_false(pattern_matches("^a|b$", "ab", 2));
	assert_true(pattern_matches("^$", "", 0));
	assert_false(pattern_matches("^$", "x", 1));
	assert_true(pattern_matches("^[^a-c]$", "d", 1));
	assert_false(pattern_matches("^[^a-c]$", "b", 1));
}

static void test_invalid_patterns_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",	 "a",	     "^a",    "a$",   "^a.b$",	"^a\\.b$", "^(a$",
		"^a)$",	 "^[a$",     "^[]$",  "^a{$", "^a{2$",	"^a{2,}$", "^*$",
		"^a**$", "^a{3,2}$", "^a$b$", "^^a$", "^a{0}$", "^|$$",	   "^[[:alpha:]]$",
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (pattern_is_valid(wrong[i]))
			fail_msg("'%s' was taken for a pattern", wrong[i]);
	}
}

/* Exponential for a backtracking matcher. */
static void test_matching_is_linear(void **state)
{
	char text[PATTERN_TEXT_MAX + 2];
	memset(text, 'a', sizeof(text));
	assert_false(pattern_matches("^(a*)*b$", text, PATTERN_TEXT_MAX));
	assert_false(pattern_matches("^((a|a)|a)*b$", text, PATTERN_TEXT_MAX));
	assert_true(pattern_matches("^(a|a)+$", text, PATTERN_TEXT_MAX));
	assert_false(pattern_matches("^(a|a)+$", text, PATTERN_TEXT_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns_of_the_schema),
		cmocka_unit_test(test_other_patterns),
		cmocka_unit_test(test_invalid_patterns_are_refused),
		cmocka_unit_test(test_matching_is_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
