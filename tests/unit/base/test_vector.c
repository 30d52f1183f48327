/*
 * Vectors: they grow, keep order, and give zeroed items.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/vector.h"
#include "dies.h"

struct item {
	int number;
	char text[9];
};

static void items_keep_their_order_while_it_grows(void **state)
{
	(void)state;
	VECTOR(int) v = {0};
	for (int i = 0; i < 1000; i++) {
		vector_push(&v, i);
		assert_int_equal(*vector_last(&v), i);
	}
	assert_int_equal(v.count, 1000);
	assert_true(v.capacity >= v.count);
	int expected = 0;
	vector_for_each (&v, p)
		assert_int_equal(*p, expected++);
	assert_int_equal(expected, 1000);
	vector_done(&v);
	assert_null(v.items);
	assert_int_equal(v.count, 0);
	assert_int_equal(v.capacity, 0);
}

static void a_new_item_is_zero_even_where_one_was_before(void **state)
{
	(void)state;
	VECTOR(struct item) v = {0};
	*vector_add(&v) = (struct item){.number = 7, .text = "seven"};
	vector_clear(&v);
	assert_int_equal(v.count, 0);
	const struct item *again = vector_add(&v);
	assert_int_equal(again->number, 0);
	assert_int_equal(again->text[0], 0);
	vector_done(&v);
}

static void an_empty_vector_has_nothing_to_loop_over(void **state)
{
	(void)state;
	VECTOR(struct item) v = {0};
	vector_for_each (&v, p)
		fail_msg("an item at %p", (const void *)p);
	vector_push(&v, (struct item){.number = 1});
	vector_clear(&v);
	vector_for_each (&v, p)
		fail_msg("an item at %p", (const void *)p);
	vector_done(&v);
	vector_done(&v);
}

static void removing_moves_the_rest_up(void **state)
{
	(void)state;
	VECTOR(int) v = {0};
	for (int i = 0; i < 5; i++)
		vector_push(&v, i);
	vector_remove_at(&v, 0);
	vector_remove_at(&v, 1);
	vector_remove_at(&v, v.count - 1);
	assert_int_equal(v.count, 2);
	assert_int_equal(v.items[0], 1);
	assert_int_equal(v.items[1], 3);
	vector_remove_at(&v, 0);
	vector_remove_at(&v, 0);
	assert_int_equal(v.count, 0);
	vector_done(&v);
}

static void pointers_are_items_too(void **state)
{
	(void)state;
	VECTOR(const char *) v = {0};
	vector_push(&v, "a");
	vector_push(&v, NULL);
	assert_string_equal(v.items[0], "a");
	assert_null(*vector_last(&v));
	unsigned seen = 0;
	vector_for_each (&v, p) {
		seen++;
		if (*p == NULL)
			break;
	}
	assert_int_equal(seen, 2);
	vector_done(&v);
}

static void take_the_last_of_none(void)
{
	VECTOR(int) v = {0};
	(void)*vector_last(&v);
}

static void remove_what_is_not_there(void)
{
	VECTOR(int) v = {0};
	vector_push(&v, 1);
	vector_remove_at(&v, 1);
}

static void mistakes_end_the_program(void **state)
{
	(void)state;
	expect_abort(take_the_last_of_none, "precondition");
	expect_abort(remove_what_is_not_there, "precondition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_keep_their_order_while_it_grows),
		cmocka_unit_test(a_new_item_is_zero_even_where_one_was_before),
		cmocka_unit_test(an_empty_vector_has_nothing_to_loop_over),
		cmocka_unit_test(removing_moves_the_rest_up),
		cmocka_unit_test(pointers_are_items_too),
		cmocka_unit_test(mistakes_end_the_program),
	};
	return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
