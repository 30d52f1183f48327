/* base/spin.h: no polling while others compute, or where it does not pay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spin.h"

#define LONG (SPIN_TAKEN_NS + 1)

static void it_spins_while_nobody_takes_the_processor(void **state)
{
	struct spin s = {0};

	(void)state;
	for (uint64_t now = 0; now < 100000; now += 1000) {
		assert_true(spin_may(&s, now));
		spin_yielded(&s, now, now + 1000);
	}
}

static void a_yield_that_took_long_is_the_last_for_a_while(void **state)
{
	struct spin s = {0};

	(void)state;
	spin_yielded(&s, 1000, 1000 + LONG);
	assert_false(spin_may(&s, 1000 + LONG));
	assert_false(spin_may(&s, 1000 + LONG + SPIN_PAUSE_NS - 1));
	assert_true(spin_may(&s, 1000 + LONG + SPIN_PAUSE_NS));
}

static void each_pause_is_longer_than_the_last_up_to_a_bound(void **state)
{
	struct spin s = {0};
	uint64_t now = 0, last = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		spin_yielded(&s, now, now + LONG);
		now += LONG;
		assert_true(s.not_before_ns - now >= last);
		last = s.not_before_ns - now;
		now = s.not_before_ns;
		/* A few turns in which nobody came change nothing. */
		spin_yielded(&s, now, now + 1000);
	}
	assert_int_equal(last, SPIN_PAUSE_MOST_NS);
}

static void after_many_turns_alone_the_next_pause_is_short_again(void **state)
{
	struct spin s = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		spin_yielded(&s, 0, LONG);
	for (uint32_t i = 0; i < SPIN_FORGIVEN_TURNS; i++)
		spin_yielded(&s, 0, 1000);
	spin_yielded(&s, 0, LONG);
	assert_int_equal(s.not_before_ns, LONG + SPIN_PAUSE_NS);
}

/* ---- whether it pays ---- */

enum { MANY = 20000 };

/* A conversation of MANY waits that take so long; returns in how many of them it spun. */
static unsigned spins_of(struct spin *s, uint64_t spinning_ns, uint64_t sleeping_ns)
{
	unsigned spins = 0;

	for (unsigned i = 0; i < MANY; i++) {
		bool spun = spin_may(s, 0);
		spins += spun;
		spin_waited(s, spun ? spinning_ns : sleeping_ns);
	}
	return spins;
}

static void it_spins_where_that_is_faster_but_for_trials(void **state)
{
	struct spin s = {0};

	(void)state;
	assert_in_range(spins_of(&s, 20000, 80000), MANY * 99 / 100, MANY - 1);
}

static void it_sleeps_where_that_is_faster_but_for_trials(void **state)
{
	struct spin s = {0};

	(void)state;
	assert_in_range(spins_of(&s, 150000, 40000), 1, MANY / 100);
}

static void it_follows_a_change(void **state)
{
	struct spin s = {0};

	(void)state;
	(void)spins_of(&s, 150000, 40000);
	assert_in_range(spins_of(&s, 20000, 80000), MANY * 85 / 100, MANY - 1);
	assert_in_range(spins_of(&s, 150000, 40000), 1, MANY * 15 / 100);
}

static void where_it_makes_little_difference_it_sleeps(void **state)
{
	struct spin s = {0};

	(void)state;
	assert_in_range(spins_of(&s, 40000, 40000), 1, MANY / 100);
	s = (struct spin){0};
	assert_in_range(spins_of(&s, 36000, 40000), 1, MANY / 100);
}

/* It would else outweigh all others. */
static void one_long_wait_decides_little(void **state)
{
	struct spin s = {.sleeps = true};

	(void)state;
	while (!spin_is_trial(&s))
		spin_waited(&s, 80000);
	spin_waited(&s, SPIN_FORGET_NS - 1);
	while (spin_is_trial(&s))
		spin_waited(&s, 20000);
	assert_false(s.sleeps);
}

static void a_conversation_after_a_pause_begins_with_spinning(void **state)
{
	struct spin s = {0};

	(void)state;
	(void)spins_of(&s, 150000, 40000);
	assert_false(spin_may(&s, 0));
	spin_waited(&s, SPIN_FORGET_NS);
	for (uint32_t i = 0; i < SPIN_PERIOD_FIRST - SPIN_TRIAL; i++) {
		assert_true(spin_may(&s, 0));
		spin_waited(&s, 150000);
	}
	assert_false(spin_may(&s, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_spins_while_nobody_takes_the_processor),
		cmocka_unit_test(a_yield_that_took_long_is_the_last_for_a_while),
		cmocka_unit_test(each_pause_is_longer_than_the_last_up_to_a_bound),
		cmocka_unit_test(after_many_turns_alone_the_next_pause_is_short_again),
		cmocka_unit_test(it_spins_where_that_is_faster_but_for_trials),
		cmocka_unit_test(it_sleeps_where_that_is_faster_but_for_trials),
		cmocka_unit_test(it_follows_a_change),
		cmocka_unit_test(where_it_makes_little_difference_it_sleeps),
		cmocka_unit_test(one_long_wait_decides_little),
		cmocka_unit_test(a_conversation_after_a_pause_begins_with_spinning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
