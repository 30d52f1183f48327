/* The names of what lives of the random search draw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "zsim/fuzz/life/draws.h"

static void expect_drawn(const char *names, const char *drawn)
{
	fuzz_draws draws = 0;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(draws_parse(names, &draws, &err), 0);
	char *text = draws_text(draws);
	assert_string_equal(text, drawn);
	free(text);
}

static void expect_refused(const char *names, const char *words)
{
	fuzz_draws draws = 0;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(draws_parse(names, &draws, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, words));
}

static void test_names(void **state)
{
	(void)state;
	expect_drawn("stalls,clocks", "stalls, clocks");
	expect_drawn("none", "nothing beyond the ordinary");
	expect_refused("stalls,nothing", "nothing to draw is named 'nothing'");
}

/* Alone they would draw nothing, and pass. */
static void test_what_happens_within_something_else_draws_that(void **state)
{
	(void)state;
	expect_drawn("rotations", "joins, rotations");
	expect_drawn("values", "rollouts, values");
	expect_drawn("names,stalls", "stalls, rollouts, names");
}

static void test_two_that_exclude_each_other_are_refused(void **state)
{
	(void)state;
	expect_refused("machines,leaders", "'machines' cannot be drawn together with");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_what_happens_within_something_else_draws_that),
		cmocka_unit_test(test_two_that_exclude_each_other_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
