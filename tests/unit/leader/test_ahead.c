/* core/leader/ahead.h: what was read ahead, and when it may be decided on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/leader/ahead.h"

static bool put(struct ahead *a, const char *key, const char *data, uint64_t sum)
{
	return ahead_put(a, key, strlen(key), data, strlen(data), sum);
}

static void test_it_serves_at_the_revision_that_it_has_reached_and_at_no_other(void **state)
{
	struct ahead a = {0};
	(void)state;
	assert_false(ahead_serves(&a, 0, 0, 0)); /* it has read nothing */
	ahead_begin(&a);
	assert_true(put(&a, "a", "1", 10));
	assert_true(put(&a, "b", "2", 20));
	assert_false(ahead_serves(&a, 5, 2, 30)); /* it is still reading */
	ahead_reached(&a, 5);
	assert_true(ahead_serves(&a, 5, 2, 30));
	assert_false(ahead_serves(&a, 6, 2, 30));
	assert_false(ahead_serves(&a, 4, 2, 30));
	ahead_begin(&a);
	assert_false(ahead_serves(&a, 5, 0, 0));
}

static void test_it_counts_what_it_has(void **state)
{
	struct ahead a = {0};
	(void)state;
	assert_true(put(&a, "a", "1", 10));
	assert_true(put(&a, "a", "3", 30)); /* in its place */
	assert_true(put(&a, "b", "2", 20));
	ahead_remove(&a, "b", 1);
	ahead_remove(&a, "c", 1);
	ahead_reached(&a, 1);
	assert_true(ahead_serves(&a, 1, 1, 30));
	assert_false(ahead_serves(&a, 1, 2, 30));
	assert_false(ahead_serves(&a, 1, 1, 31));
	ahead_begin(&a);
	assert_int_equal(a.bytes, 0);
}

static void test_what_is_damaged_does_not_serve(void **state)
{
	struct ahead a = {0};
	(void)state;
	assert_true(put(&a, "a", "1", 10));
	ahead_doubt(&a);
	ahead_reached(&a, 1);
	assert_false(ahead_serves(&a, 1, 1, 10));
	ahead_begin(&a);
	ahead_reached(&a, 1);
	assert_true(ahead_serves(&a, 1, 0, 0));
}

static void test_more_than_it_may_have_is_given_up(void **state)
{
	struct ahead a = {.bytes_max = 1000};
	uint64_t count = 0;
	char key[] = "a";
	(void)state;
	while (put(&a, key, "", 1) && ++count < 100)
		key[0]++;
	assert_true(count > 1 && count < 20);
	assert_int_equal(a.count, 0);
	assert_int_equal(a.bytes, 0);
	ahead_reached(&a, 7);
	ahead_begin(&a);
}

static void test_it_is_told_in_the_order_of_keys(void **state)
{
	struct ahead a = {0};
	const struct ahead_record *r = NULL, *next = NULL;
	char all[64] = "";
	(void)state;
	for (const char *const *key = (const char *const[]){"b", "ab", "a", "c", NULL};
	     *key != NULL; key++)
		assert_true(put(&a, *key, *key, 1));
	ahead_sort(&a);
	HASH_ITER (hh, a.records, r, next) {
		assert_memory_equal(ahead_data(r), r->bytes, r->size);
		(void)strncat(all, (const char *)r->bytes, r->key_size);
		(void)strcat(all, " ");
	}
	assert_string_equal(all, "a ab b c ");
	ahead_begin(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_it_serves_at_the_revision_that_it_has_reached_and_at_no_other),
		cmocka_unit_test(test_it_counts_what_it_has),
		cmocka_unit_test(test_what_is_damaged_does_not_serve),
		cmocka_unit_test(test_more_than_it_may_have_is_given_up),
		cmocka_unit_test(test_it_is_told_in_the_order_of_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
