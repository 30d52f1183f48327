/*
 * Memory: zeroed, copied, handed over; sizes that overflow and memory that runs out end the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/memory.h"
#include "dies.h"

struct point {
	int x, y;
};

static void new_memory_is_zero(void **state)
{
	(void)state;
	static const char zero[100];
	CLEANUP(freep) char *p = mem_calloc(10, 10);
	assert_memory_equal(p, zero, 100);
	CLEANUP(freep) uint64_t *numbers = mem_new_array(uint64_t, 3);
	assert_int_equal(numbers[0] | numbers[1] | numbers[2], 0);
	CLEANUP(freep) struct point *point = mem_new(struct point);
	assert_int_equal(point->x, 0);
	assert_int_equal(point->y, 0);
}

static void nothing_is_still_an_address(void **state)
{
	(void)state;
	CLEANUP(freep) char *none = mem_calloc(0, 8);
	CLEANUP(freep) char *empty = mem_calloc(8, 0);
	assert_non_null(none);
	assert_non_null(empty);
	assert_ptr_not_equal(none, empty);
}

static void resizing_keeps_the_content_and_zero_frees(void **state)
{
	(void)state;
	int *p = mem_resize(NULL, 2, sizeof(*p));
	p[0] = 1;
	p[1] = 2;
	p = mem_resize(p, 1000, sizeof(*p));
	assert_int_equal(p[0], 1);
	assert_int_equal(p[1], 2);
	p = mem_resize(p, 1, sizeof(*p));
	assert_int_equal(p[0], 1);
	p = mem_resize(p, 0, sizeof(*p));
	assert_null(p);
	assert_null(mem_resize(NULL, 0, 8));
	assert_null(mem_resize(NULL, 8, 0));
}

static void copies_end_with_nul(void **state)
{
	(void)state;
	assert_null(mem_strdup(NULL));
	assert_null(mem_strndup(NULL, 3));
	CLEANUP(freep) char *whole = mem_strdup("whole");
	assert_string_equal(whole, "whole");
	CLEANUP(freep) char *part = mem_strndup("partial", 4);
	assert_string_equal(part, "part");
	CLEANUP(freep) char *all = mem_strndup("short", 100);
	assert_string_equal(all, "short");
	CLEANUP(freep) char *none = mem_strndup("x", 0);
	assert_string_equal(none, "");
	CLEANUP(freep) char *data = mem_memdup("a\0b", 3);
	assert_memory_equal(data, "a\0b", 4);
	CLEANUP(freep) char *nothing = mem_memdup(NULL, 0);
	assert_string_equal(nothing, "");
	/* Not a byte beyond `n` is looked at: there need not be a NUL. */
	const char raw[2] = {'o', 'k'};
	CLEANUP(freep) char *bounded = mem_strndup(raw, sizeof(raw));
	assert_string_equal(bounded, "ok");
}

static void a_stolen_pointer_is_gone(void **state)
{
	(void)state;
	CLEANUP(freep) char *owner = mem_strdup("mine");
	CLEANUP(freep) char *thief = steal_ptr(&owner);
	assert_null(owner);
	assert_string_equal(thief, "mine");
	char *pointers[2] = {thief, NULL}, **p = pointers;
	assert_ptr_equal(steal_ptr(p++), thief);
	assert_ptr_equal(p, pointers + 1); /* its argument is evaluated once */
	assert_null(pointers[0]);
}

static void cleanup_runs_at_the_end_of_the_scope(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	{
		CLEANUP(closep) int write_end = ends[1];
		assert_int_equal(write(write_end, "x", 1), 1);
	}
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	close(ends[0]);
}

static void closing_keeps_errno_and_leaves_negatives_alone(void **state)
{
	(void)state;
	int fd = -1;
	errno = EAGAIN;
	closep(&fd);
	assert_int_equal(errno, EAGAIN);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	errno = EAGAIN;
	closep(&fd);
	assert_int_equal(errno, EAGAIN);
	closep(&fd); /* already closed: EBADF is kept away from the caller too */
	assert_int_equal(errno, EAGAIN);
}

static void array_size_counts_elements(void **state)
{
	(void)state;
	const uint32_t numbers[7] = {0};
	assert_int_equal(ARRAY_SIZE(numbers), 7);
}

/* ---- what ends the program ---- */

static volatile size_t huge = SIZE_MAX / 2; /* the compiler must not see it */

static void allocate_an_overflow(void)
{
	free(mem_calloc(huge, 3));
}

static void allocate_too_much(void)
{
	free(mem_calloc(1, huge));
}

static void resize_to_an_overflow(void)
{
	free(mem_resize(NULL, huge, 3));
}

static void copy_more_than_there_is(void)
{
	free(mem_memdup("", huge + huge + 1));
}

static void no_memory_ends_the_program_with_one_line(void **state)
{
	(void)state;
	expect_abort(allocate_an_overflow,
		     "out of memory: 9223372036854775807 times 3 bytes\n");
	expect_abort(allocate_too_much, "out of memory: 1 times 9223372036854775807 bytes\n");
	expect_abort(resize_to_an_overflow,
		     "out of memory: 9223372036854775807 times 3 bytes\n");
	expect_abort(copy_more_than_there_is,
		     "out of memory: 1 times 18446744073709551615 bytes\n");
}

/* ---- base/check.h ---- */

static void break_precondition(void)
{
	PRE(huge == 0);
}

static void break_postcondition(void)
{
	POST(huge == 0);
}

static void break_invariant(void)
{
	INVARIANT(huge == 0);
}

static void reach_the_impossible(void)
{
	IMPOSSIBLE("a bird in the machine");
}

static void a_broken_promise_names_its_kind_place_and_condition(void **state)
{
	(void)state;
	expect_abort(break_precondition, "test_memory.c:");
	expect_abort(break_precondition,
		     "break_precondition: precondition does not hold: huge == 0\n");
	expect_abort(break_postcondition,
		     "break_postcondition: postcondition does not hold: huge == 0\n");
	expect_abort(break_invariant, "break_invariant: invariant does not hold: huge == 0\n");
	expect_abort(reach_the_impossible,
		     "reach_the_impossible: impossible: a bird in the machine\n");
}

static void a_kept_promise_costs_nothing_but_one_evaluation(void **state)
{
	(void)state;
	int evaluated = 0;
	PRE(++evaluated == 1);
	POST(++evaluated == 2);
	INVARIANT(++evaluated == 3);
	assert_int_equal(evaluated, 3);
	if (evaluated == 3)
		PRE(evaluated > 0);
	else
		fail(); /* the macro is one statement: this else is the if's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zero),
		cmocka_unit_test(nothing_is_still_an_address),
		cmocka_unit_test(resizing_keeps_the_content_and_zero_frees),
		cmocka_unit_test(copies_end_with_nul),
		cmocka_unit_test(a_stolen_pointer_is_gone),
		cmocka_unit_test(cleanup_runs_at_the_end_of_the_scope),
		cmocka_unit_test(closing_keeps_errno_and_leaves_negatives_alone),
		cmocka_unit_test(array_size_counts_elements),
		cmocka_unit_test(no_memory_ends_the_program_with_one_line),
		cmocka_unit_test(a_broken_promise_names_its_kind_place_and_condition),
		cmocka_unit_test(a_kept_promise_costs_nothing_but_one_evaluation),
	};
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
