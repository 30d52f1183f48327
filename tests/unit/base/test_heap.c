/*
 * The heap of timers: smallest key first, equal keys in the order of insertion, and after any
 * sequence of changes what a sorted list would give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/memory.h"
#include "dies.h"

struct timer {
	char name;
	struct heap_node node;
};

static char take(struct heap *h)
{
	struct heap_node *first = heap_first(h);
	if (first == NULL)
		return '-';
	heap_remove(h, first);
	return container_of(first, struct timer, node)->name;
}

static void the_smallest_key_comes_first(void **state)
{
	(void)state;
	struct timer a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
	CLEANUP(heap_done) struct heap h = {0};
	assert_null(heap_first(&h));
	heap_set(&h, &a.node, 30);
	heap_set(&h, &b.node, INT64_MIN);
	heap_set(&h, &c.node, INT64_MAX);
	assert_int_equal(take(&h), 'b');
	assert_int_equal(take(&h), 'a');
	assert_int_equal(take(&h), 'c');
	assert_int_equal(take(&h), '-');
}

static void equal_keys_come_in_the_order_of_insertion(void **state)
{
	(void)state;
	struct timer timers[26];
	CLEANUP(heap_done) struct heap h = {0};
	for (unsigned i = 0; i < 26; i++) {
		timers[i] = (struct timer){.name = (char)('a' + i)};
		heap_set(&h, &timers[i].node, 5);
	}
	heap_set(&h, &timers[0].node, 5); /* set again: now the last */
	for (unsigned i = 1; i < 26; i++)
		assert_int_equal(take(&h), 'a' + (char)i);
	assert_int_equal(take(&h), 'a');
}

static void setting_again_moves(void **state)
{
	(void)state;
	struct timer a = {.name = 'a'}, b = {.name = 'b'};
	CLEANUP(heap_done) struct heap h = {0};
	heap_set(&h, &a.node, 1);
	heap_set(&h, &b.node, 2);
	heap_set(&h, &a.node, 3);
	assert_int_equal(h.count, 2);
	assert_int_equal(a.node.key, 3);
	assert_int_equal(take(&h), 'b');
	assert_int_equal(take(&h), 'a');
}

static void removing_what_is_not_in_is_harmless(void **state)
{
	(void)state;
	struct timer a = {.name = 'a'}, b = {.name = 'b'};
	CLEANUP(heap_done) struct heap h = {0};
	heap_remove(&h, &a.node);
	heap_set(&h, &a.node, 1);
	heap_set(&h, &b.node, 2);
	assert_true(heap_has(&a.node));
	heap_remove(&h, &a.node);
	assert_false(heap_has(&a.node));
	heap_remove(&h, &a.node);
	assert_int_equal(take(&h), 'b');
}

static void nodes_outlive_their_heap(void **state)
{
	(void)state;
	struct timer a = {.name = 'a'};
	struct heap h = {0};
	heap_set(&h, &a.node, 1);
	heap_done(&h);
	assert_false(heap_has(&a.node));
	assert_null(h.nodes);
	heap_done(&h);
	heap_set(&h, &a.node, 2); /* and can be used again */
	assert_ptr_equal(heap_first(&h), &a.node);
	heap_done(&h);
}

/* ---- against a list ---- */

#define TIMERS 60

static uint32_t drawn(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static unsigned first_of_list(const struct timer *timers)
{
	unsigned best = TIMERS;
	for (unsigned i = 0; i < TIMERS; i++) {
		const struct heap_node *n = &timers[i].node;
		if (!heap_has(n))
			continue;
		if (best == TIMERS || n->key < timers[best].node.key ||
		    (n->key == timers[best].node.key && n->order < timers[best].node.order))
			best = i;
	}
	return best;
}

static void any_sequence_gives_what_a_list_gives(void **state)
{
	(void)state;
	uint32_t seed = 1;
	struct timer timers[TIMERS] = {0};
	CLEANUP(heap_done) struct heap h = {0};
	for (unsigned step = 0; step < 20000; step++) {
		struct timer *t = &timers[drawn(&seed, TIMERS)];
		if (drawn(&seed, 3) > 0)
			heap_set(&h, &t->node, (int64_t)drawn(&seed, 20) - 10);
		else
			heap_remove(&h, &t->node);
		unsigned expected = first_of_list(timers);
		const struct heap_node *first = heap_first(&h);
		if (expected == TIMERS)
			assert_null(first);
		else
			assert_ptr_equal(first, &timers[expected].node);
	}
}

/* What had come and gone before leaves no trace: the numbers are those of what is there, by insertion. */
static void a_heap_that_is_restored_by_its_numbers_gives_the_same_order(void **state)
{
	(void)state;
	uint32_t seed = 7;
	struct timer timers[TIMERS] = {0}, others[TIMERS] = {0};
	CLEANUP(heap_done) struct heap h = {0}, other = {0};
	for (unsigned step = 0; step < 500; step++)
		heap_set(&h, &timers[drawn(&seed, TIMERS)].node, (int64_t)drawn(&seed, 3));
	heap_number(&h);
	assert_int_equal(h.next_order, h.count);
	for (unsigned i = TIMERS; i-- > 0;) /* in another order */
		if (heap_has(&timers[i].node))
			heap_restore(&other, &others[i].node, timers[i].node.key,
				     timers[i].node.order);
	assert_int_equal(other.next_order, h.next_order);
	while (heap_first(&h) != NULL) {
		const struct heap_node *first = heap_first(&h), *same = heap_first(&other);
		assert_non_null(same);
		ptrdiff_t at = container_of(first, struct timer, node) - timers;
		assert_ptr_equal(same, &others[at].node);
		heap_remove(&h, &timers[at].node);
		heap_remove(&other, &others[at].node);
	}
	assert_null(heap_first(&other));
}

static void remove_a_node_of_another_heap(void)
{
	struct timer a = {.name = 'a'}, b = {.name = 'b'};
	struct heap mine = {0}, other = {0};
	heap_set(&mine, &a.node, 1);
	heap_set(&other, &b.node, 1);
	heap_remove(&other, &a.node);
}

static void mistakes_end_the_program(void **state)
{
	(void)state;
	expect_abort(remove_a_node_of_another_heap, "invariant");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_key_comes_first),
		cmocka_unit_test(equal_keys_come_in_the_order_of_insertion),
		cmocka_unit_test(setting_again_moves),
		cmocka_unit_test(removing_what_is_not_in_is_harmless),
		cmocka_unit_test(nodes_outlive_their_heap),
		cmocka_unit_test(any_sequence_gives_what_a_list_gives),
		cmocka_unit_test(a_heap_that_is_restored_by_its_numbers_gives_the_same_order),
		cmocka_unit_test(mistakes_end_the_program),
	};
	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
