/* base/spin.h: no polling while others compute. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_spins_while_nobody_takes_the_processor),
		cmocka_unit_test(a_yield_that_took_long_is_the_last_for_a_while),
		cmocka_unit_test(each_pause_is_longer_than_the_last_up_to_a_bound),
		cmocka_unit_test(after_many_turns_alone_the_next_pause_is_short_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
