/*
 * Buffers: they grow up to their maximum, refuse what would pass it without changing, and always
 * end with a NUL byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "dies.h"

static void a_new_buffer_holds_nothing(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(10);
	assert_null(b.data);
	assert_int_equal(b.size, 0);
	buffer_clear(&b);
	buffer_consume(&b, 0);
	assert_null(b.data);
}

static void what_is_added_is_followed_by_nul(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	assert_int_equal(buffer_add(&b, "a\0b", 3), 0);
	assert_int_equal(b.size, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	assert_int_equal(buffer_add_string(&b, "cd"), 0);
	assert_memory_equal(b.data, "a\0bcd", 6);
	assert_int_equal(buffer_add(&b, NULL, 0), 0);
	assert_int_equal(b.size, 5);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(buffer_printf(&b, "%d,", i % 10), 0);
		assert_int_equal(b.data[b.size], '\0');
	}
	assert_int_equal(b.size, 405);
	assert_string_equal(b.data + 399, "7,8,9,");
}

static void adding_nothing_makes_an_empty_string(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(0);
	assert_int_equal(buffer_add(&b, "", 0), 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buffer_printf(&b, "%s", ""), 0);
	assert_int_equal(b.size, 0);
}

static void a_text_that_does_not_fit_leaves_no_trace(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(10);
	assert_int_equal(buffer_printf(&b, "%s", "12345"), 0);
	assert_int_equal(buffer_printf(&b, "%s", "6789012"), -1);
	assert_int_equal(b.size, 5);
	assert_string_equal(b.data, "12345");
	assert_int_equal(buffer_printf(&b, "%s", "67890"), 0);
	assert_string_equal(b.data, "1234567890");
}

static void the_maximum_is_reached_and_never_passed(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(5);
	assert_int_equal(buffer_add(&b, "123456", 6), -1);
	assert_null(b.data);
	assert_int_equal(buffer_add(&b, "123", 3), 0);
	assert_int_equal(buffer_add(&b, "456", 3), -1);
	assert_int_equal(buffer_printf(&b, "%d", 456), -1);
	assert_int_equal(buffer_add_string(&b, "456"), -1);
	assert_null(buffer_reserve(&b, 3));
	assert_string_equal(b.data, "123");
	assert_int_equal(b.size, 3);
	assert_int_equal(buffer_printf(&b, "%d", 45), 0);
	assert_string_equal(b.data, "12345");
	assert_int_equal(buffer_add(&b, "", 0), 0);
	assert_int_equal(buffer_add(&b, "6", 1), -1);
}

static void sizes_near_the_largest_are_refused(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(SIZE_MAX);
	assert_int_equal(buffer_add(&b, "x", 1), 0);
	assert_null(buffer_reserve(&b, SIZE_MAX));
	assert_null(buffer_reserve(&b, SIZE_MAX - 1));
	assert_string_equal(b.data, "x");
}

static void reserved_room_is_counted_when_it_is_used(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(100);
	assert_int_equal(buffer_add_string(&b, "a"), 0);
	char *to = buffer_reserve(&b, 50);
	assert_ptr_equal(to, b.data + 1);
	assert_int_equal(b.size, 1);
	memcpy(to, "bc", 2);
	buffer_grew(&b, 2);
	assert_string_equal(b.data, "abc");
	buffer_grew(&b, 0);
	assert_int_equal(b.size, 3);
}

static void consuming_keeps_the_rest(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(100);
	assert_int_equal(buffer_add_string(&b, "abcdef"), 0);
	buffer_consume(&b, 2);
	assert_string_equal(b.data, "cdef");
	assert_int_equal(b.size, 4);
	buffer_consume(&b, 4);
	assert_string_equal(b.data, "");
	assert_int_equal(b.size, 0);
	assert_int_equal(buffer_add_string(&b, "again"), 0);
	assert_string_equal(b.data, "again");
}

static void clearing_keeps_the_memory(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(100);
	assert_int_equal(buffer_add_string(&b, "abc"), 0);
	const char *data = b.data;
	buffer_clear(&b);
	assert_int_equal(b.size, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buffer_add_string(&b, "de"), 0);
	assert_ptr_equal(b.data, data);
}

static void stealing_leaves_an_empty_buffer_with_the_same_maximum(void **state)
{
	(void)state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4);
	CLEANUP(freep) char *empty = buffer_steal(&b);
	assert_string_equal(empty, "");
	assert_int_equal(buffer_add_string(&b, "abcd"), 0);
	CLEANUP(freep) char *text = buffer_steal(&b);
	assert_string_equal(text, "abcd");
	assert_null(b.data);
	assert_int_equal(b.size, 0);
	assert_int_equal(buffer_add_string(&b, "abcde"), -1);
	assert_int_equal(buffer_add_string(&b, "efgh"), 0);
	assert_string_equal(text, "abcd");
}

static void done_twice_is_harmless(void **state)
{
	(void)state;
	struct buffer b = BUFFER_INIT(4);
	assert_int_equal(buffer_add_string(&b, "abcd"), 0);
	buffer_done(&b);
	assert_null(b.data);
	buffer_done(&b);
	assert_int_equal(b.max, 4);
}

static void consume_too_much(void)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4);
	(void)buffer_add_string(&b, "abc");
	buffer_consume(&b, 4);
}

static void grow_into_what_was_not_reserved(void)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1000);
	(void)buffer_add_string(&b, "abc");
	buffer_grew(&b, b.capacity);
}

static void mistakes_end_the_program(void **state)
{
	(void)state;
	expect_abort(consume_too_much, "precondition");
	expect_abort(grow_into_what_was_not_reserved, "precondition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_buffer_holds_nothing),
		cmocka_unit_test(what_is_added_is_followed_by_nul),
		cmocka_unit_test(adding_nothing_makes_an_empty_string),
		cmocka_unit_test(a_text_that_does_not_fit_leaves_no_trace),
		cmocka_unit_test(the_maximum_is_reached_and_never_passed),
		cmocka_unit_test(sizes_near_the_largest_are_refused),
		cmocka_unit_test(reserved_room_is_counted_when_it_is_used),
		cmocka_unit_test(consuming_keeps_the_rest),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(stealing_leaves_an_empty_buffer_with_the_same_maximum),
		cmocka_unit_test(done_twice_is_harmless),
		cmocka_unit_test(mistakes_end_the_program),
	};
	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
