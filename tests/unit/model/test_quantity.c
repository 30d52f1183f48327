/* Quantities and constraints: texts in, amounts or messages out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/constraint.h"
#include "model/quantity.h"

struct amount_case {
	const char *text;
	uint64_t value;
	const char *message; /* part of the refusal; NULL: accepted */
};

typedef int (*parser)(const char *text, uint64_t *ret, struct error **err);

static void check_amounts(const struct amount_case *cases, size_t count, parser parse)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		uint64_t value = 0;
		int r = parse(cases[i].text, &value, &err);

		if (cases[i].message == NULL) {
			if (r < 0)
				fail_msg("'%s' refused: %s", cases[i].text, err->message);
			if (value != cases[i].value)
				fail_msg("'%s' is %llu, expected %llu", cases[i].text,
					 (unsigned long long)value,
					 (unsigned long long)cases[i].value);
		} else {
			if (r >= 0)
				fail_msg("'%s' accepted as %llu", cases[i].text,
					 (unsigned long long)value);
			if (strstr(err->message, cases[i].message) == NULL)
				fail_msg("'%s': message '%s' lacks '%s'", cases[i].text,
					 err->message, cases[i].message);
		}
	}
}

static int parse_cpu(const char *text, uint64_t *ret, struct error **err)
{
	uint32_t value = 0;
	int r = cpu_parse(text, &value, err);

	*ret = value;
	return r;
}

static void cpu_amounts_are_parsed(void **state)
{
	static const struct amount_case cases[] = {
		{"100m", 100, NULL},
		{"2", 2000, NULL},
		{"0.5", 500, NULL},
		{"0.001", 1, NULL},
		{"0", 0, NULL},
		{"1000000", 1000000000, NULL},
		{"1000001", 0, "too large"},
		{"99999999999999999999999", 0, "too large"},
		{"0.0005", 0, "not a whole number of millicores"},
		{"0.5m", 0, "not a whole number of millicores"},
		{"1.0000000", 0, "more than 6 decimals"},
		{"", 0, "not an amount of cpu"},
		{"-1", 0, "not an amount of cpu"},
		{"+1", 0, "not an amount of cpu"},
		{" 1", 0, "not an amount of cpu"},
		{"1 ", 0, "not an amount of cpu"},
		{"1.", 0, "not an amount of cpu"},
		{".5", 0, "not an amount of cpu"},
		{"1e3", 0, "not an amount of cpu"},
		{"2x", 0, "expected millicores (100m) or cores (2, 0.5)"},
	};
	check_amounts(cases, ARRAY_SIZE(cases), parse_cpu);
}

static void memory_amounts_are_parsed(void **state)
{
	static const struct amount_case cases[] = {
		{"32MiB", 33554432, NULL},
		{"8GiB", UINT64_C(8589934592), NULL},
		{"1.5GiB", UINT64_C(1610612736), NULL},
		{"500MB", 500000000, NULL},
		{"1kB", 1000, NULL},
		{"4096", 4096, NULL},
		{"4096B", 4096, NULL},
		{"64Ki", 65536, NULL},
		{"1024TiB", UINT64_C(1) << 50, NULL},
		{"1025TiB", 0, "too large"},
		{"99999999TiB", 0, "too large"},
		{"0.3B", 0, "not a whole number of bytes"},
		{"32mib", 0, "not an amount of memory"},
		{"MiB", 0, "not an amount of memory"},
		{"32 MiB", 0, "not an amount of memory"},
	};
	check_amounts(cases, ARRAY_SIZE(cases), memory_parse);
}

static void durations_are_parsed(void **state)
{
	static const struct amount_case cases[] = {
		{"10s", 10000, NULL},
		{"5m", 300000, NULL},
		{"100ms", 100, NULL},
		{"2h", 7200000, NULL},
		{"1d", 86400000, NULL},
		{"0.5s", 500, NULL},
		{"10", 0, "a duration"},
		{"366d", 0, "too large: at most 365d"},
		{"0.5ms", 0, "not a whole number of milliseconds"},
	};
	check_amounts(cases, ARRAY_SIZE(cases), duration_parse);
}

static void distances_are_parsed(void **state)
{
	static const struct amount_case cases[] = {
		{"50km", 50000, NULL},	 {"1.5km", 1500, NULL},	      {"20m", 20, NULL},
		{"50", 0, "a distance"}, {"50000km", 0, "too large"},
	};
	check_amounts(cases, ARRAY_SIZE(cases), distance_parse);
}

static void amounts_are_formatted(void **state)
{
	static const struct {
		char *(*format)(uint64_t);
		uint64_t value;
		const char *text;
	} cases[] = {
		{cpu_format, 100, "100m"},
		{cpu_format, 2000, "2"},
		{cpu_format, 1500, "1500m"},
		{cpu_format, 0, "0m"},
		{memory_format, 33554432, "32MiB"},
		{memory_format, 1000, "1000B"},
		{memory_format, UINT64_C(1) << 50, "1024TiB"},
		{duration_format, 1500, "1500ms"},
		{duration_format, 600000, "10m"},
		{duration_format, 86400000, "1d"},
		{distance_format, 50000, "50km"},
		{distance_format, 1500, "1500m"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(freep) char *text = cases[i].format(cases[i].value);
		assert_string_equal(text, cases[i].text);
	}
}

/* ---- Constraints ---- */

static const struct label labels[] = {
	{"arch", "x86_64"}, {"cores", "16"},   {"rack", "a"},
	{"region", "eu"},   {"size", "large"}, {"ssd", ""},
};
static const struct label_set set = {labels, ARRAY_SIZE(labels)};

static void constraints_hold(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
		{"rack == a", true},	    {"rack==a", true},
		{"rack == b", false},	    {"gone == a", false},
		{"rack != b", true},	    {"rack != a", false},
		{"gone != a", true},	    {"rack in (a, b)", true},
		{"rack in (b,a)", true},    {"rack in(c)", false},
		{"gone in (a)", false},	    {"rack not in (a, b)", false},
		{"rack not in (z3)", true}, {"gone not in (a)", true},
		{"ssd exists", true},	    {"gone exists", false},
		{"cores > 8", true},	    {"cores > 16", false},
		{"cores < 16.5", true},	    {"cores < 16", false},
		{"size > 1", false},	    {"size < 1", false},
		{"gone < 5", false},	    {"gone > 5", false},
		{"region == \"eu\"", true}, {"  region == eu  ", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error *err = NULL;
		struct constraint c;

		if (constraint_parse(cases[i].text, &c, &err) < 0)
			fail_msg("'%s': %s", cases[i].text, err->message);
		if (constraint_holds(&c, &set) != cases[i].holds)
			fail_msg("'%s' is %s, expected %s", cases[i].text,
				 cases[i].holds ? "false" : "true",
				 cases[i].holds ? "true" : "false");
		constraint_done(&c);
	}
}

static void invalid_constraints_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "expected the name of a label"},
		{"== a", "expected the name of a label"},
		{"rack", "expected one of ==, !=, in, not in, exists, <, >"},
		{"rack = a", "expected one of =="},
		{"rack inside (a)", "expected one of =="},
		{"rack not (a)", "expected one of =="},
		{"rack ==", "expected a value"},
		{"rack == a b", "unexpected text at its end"},
		{"rack in a", "expected a list"},
		{"rack in ()", "expected a value in the list"},
		{"rack in (a", "expected ',' or ')'"},
		{"rack in (a,)", "expected a value in the list"},
		{"rack in (a) b", "unexpected text at its end"},
		{"ssd exists yes", "unexpected text at its end"},
		{"cores > many", "expected a number"},
		{"cores > inf", "expected a number"},
		{"cores < 0x10", "expected a number"},
		{"cores > 1e999", "expected a number"},
		{"rack == \"a", "expected a value"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct constraint c;

		if (constraint_parse(cases[i].text, &c, &err) >= 0)
			fail_msg("'%s' accepted", cases[i].text);
		if (strstr(err->message, cases[i].message) == NULL)
			fail_msg("'%s': message '%s' lacks '%s'", cases[i].text, err->message,
				 cases[i].message);
	}
}

static void a_constraint_keeps_its_text(void **state)
{
	struct constraint c;

	assert_int_equal(constraint_parse("  rack in (b, a, b)\t", &c, NULL), 0);
	assert_string_equal(c.text, "rack in (b, a, b)");
	assert_int_equal(c.value_count, 2);
	assert_string_equal(c.values[0], "a");
	constraint_done(&c);
	constraint_init_equal(&c, "region", "eu-west");
	assert_string_equal(c.text, "region == eu-west");
	constraint_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_amounts_are_parsed),
		cmocka_unit_test(memory_amounts_are_parsed),
		cmocka_unit_test(durations_are_parsed),
		cmocka_unit_test(distances_are_parsed),
		cmocka_unit_test(amounts_are_formatted),
		cmocka_unit_test(constraints_hold),
		cmocka_unit_test(invalid_constraints_are_refused),
		cmocka_unit_test(a_constraint_keeps_its_text),
	};
	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
