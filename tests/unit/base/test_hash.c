/*
 * Hash tables with our allocator: what is added is found, and iteration is by insertion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

enum { NAMES = 8192, BUCKETS = 8192 };

/* How many names share the fullest bucket: of 8,192 that are thrown at random, 9 at most, as a rule. */
static unsigned fullest(unsigned head, unsigned tail, unsigned first)
{
	static unsigned counts[BUCKETS];
	unsigned most = 0;
	memset(counts, 0, sizeof(counts));
	for (unsigned i = 0; i < NAMES; i++) {
		char name[80];
		int size = snprintf(name, sizeof(name), "%.*s%u%.*s", (int)head,
				    "instance-of-a-long-name-", first + i, (int)tail,
				    "/and-what-is-in-it");
		assert_in_range(size, 1, sizeof(name) - 1);
		unsigned *count = &counts[hash_of_key(name, (size_t)size) % BUCKETS];
		if (++*count > most)
			most = *count;
	}
	return most;
}

/* Whatever its size, and wherever it is that the names differ. */
static void names_that_differ_a_little_are_in_different_buckets(void **state)
{
	(void)state;
	for (unsigned head = 0; head <= 24; head++)
		for (unsigned tail = 0; tail <= 17; tail++) {
			assert_in_range(fullest(head, tail, 1000), 1, 20);
			assert_in_range(fullest(head, tail, 10000000), 1, 20);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_differ_a_little_are_in_different_buckets),
		cmocka_unit_test(many_are_found_and_come_in_the_order_of_insertion),
	};
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
