/*
 * Hash tables with our allocator: what is added is found, and iteration is by insertion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"

struct thing {
	char name[12];
	unsigned number;
	UT_hash_handle hh;
};

static void many_are_found_and_come_in_the_order_of_insertion(void **state)
{
	(void)state;
	struct thing *things = NULL, *t, *next;
	for (unsigned i = 0; i < 3000; i++) {
		t = mem_new(struct thing);
		t->number = i;
		snprintf(t->name, sizeof(t->name), "n%u", i * 7919u % 3000u);
		HASH_ADD_STR(things, name, t);
	}
	assert_int_equal(HASH_COUNT(things), 3000);
	HASH_FIND_STR(things, "n7919", t);
	assert_null(t);
	HASH_FIND_STR(things, "n2999", t);
	assert_non_null(t);
	assert_int_equal(t->number * 7919u % 3000u, 2999);
	unsigned expected = 0;
	HASH_ITER (hh, things, t, next) {
		assert_int_equal(t->number, expected++);
		if (t->number % 2 == 1) {
			HASH_DEL(things, t);
			free(t);
		}
	}
	assert_int_equal(HASH_COUNT(things), 1500);
	expected = 0;
	HASH_ITER (hh, things, t, next) {
		assert_int_equal(t->number, expected);
		expected += 2;
		HASH_DEL(things, t);
		free(t);
	}
	assert_null(things);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_found_and_come_in_the_order_of_insertion),
	};
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
