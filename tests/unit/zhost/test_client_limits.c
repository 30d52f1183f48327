/* What one client may take of a zedge [machines.transport.zedge]. */
#include "test.h"

#include <string.h>

#include "base/memory.h"
#include "zhost/edge/client_limits.h"

static struct client_address client(unsigned number)
{
	struct client_address a = {{[10] = 0xff, [11] = 0xff, [12] = 10}};
	a.bytes[13] = (uint8_t)(number >> 16);
	a.bytes[14] = (uint8_t)(number >> 8);
	a.bytes[15] = (uint8_t)number;
	return a;
}

static unsigned taken_at(struct client_limits *l, const struct client_address *who,
			 int64_t now_ms, unsigned at_most)
{
	unsigned count = 0;
	while (count < at_most && client_limits_take(l, who, now_ms) == 0)
		count++;
	return count;
}

static void requests_are_limited_by_rate(void **state)
{
	const struct client_rates rates = {.requests = 10};
	struct client_limits *l = client_limits_new(&rates);
	struct client_address a = client(1), b = client(2);
	(void)state;
	assert_int_equal(taken_at(l, &a, 1000, 100), 40); /* what four seconds give */
	assert_int_equal(client_limits_take(l, &a, 1000), 100);
	assert_int_equal(client_limits_take(l, &a, 1099), 1);
	assert_int_equal(taken_at(l, &a, 1100, 100), 1);
	assert_int_equal(taken_at(l, &a, 2100, 100), 10);
	assert_int_equal(taken_at(l, &a, 1000000, 100), 40);
	assert_int_equal(taken_at(l, &b, 1000000, 100), 40); /* nobody else's */
	client_limits_free(l);
}

static void bytes_are_a_debt_that_is_waited_for(void **state)
{
	const struct client_rates rates = {.bytes = 1000};
	struct client_limits *l = client_limits_new(&rates);
	struct client_address a = client(1);
	(void)state;
	assert_int_equal(client_limits_take(l, &a, 0), 0);
	client_limits_charge(l, &a, 10000, 0); /* 4,000 were there */
	assert_int_equal(client_limits_take(l, &a, 0), 6000);
	assert_int_equal(client_limits_take(l, &a, 5999), 1);
	assert_int_equal(client_limits_take(l, &a, 6000), 0);
	client_limits_free(l);
}

static void nothing_overflows(void **state)
{
	const struct client_rates rates = {.requests = UINT64_MAX, .bytes = UINT64_MAX};
	struct client_limits *l = client_limits_new(&rates);
	struct client_address a = client(1);
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		client_limits_charge(l, &a, UINT64_MAX, i);
		(void)client_limits_take(l, &a, i);
	}
	assert_int_equal(client_limits_take(l, &a, INT64_MAX / 2), 0);
	client_limits_free(l);
}

static void without_a_rate_everything_goes(void **state)
{
	const struct client_rates rates = {0};
	struct client_limits *l = client_limits_new(&rates);
	struct client_address a = client(1);
	(void)state;
	client_limits_charge(l, &a, UINT64_MAX, 0);
	assert_int_equal(taken_at(l, &a, 0, 100000), 100000);
	client_limits_free(l);
}

static void of_too_many_clients_the_one_longest_away_is_forgotten(void **state)
{
	const struct client_rates rates = {.requests = 1};
	struct client_limits *l = client_limits_new(&rates);
	struct client_address first = client(0), second = client(1);
	(void)state;
	assert_int_equal(taken_at(l, &first, 0, 100), 4);
	assert_int_equal(taken_at(l, &second, 0, 100), 4);
	assert_int_equal(taken_at(l, &first, 0, 100), 0); /* second is now longer away */
	for (unsigned i = 2; i <= CLIENT_LIMITS_MAX; i++) {
		struct client_address other = client(i);
		assert_int_equal(client_limits_take(l, &other, 0), 0);
	}
	assert_int_equal(client_limits_count(l), CLIENT_LIMITS_MAX);
	assert_int_equal(taken_at(l, &first, 0, 100), 0);
	assert_int_equal(taken_at(l, &second, 0, 100), 4);
	client_limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_limited_by_rate),
		cmocka_unit_test(bytes_are_a_debt_that_is_waited_for),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test(without_a_rate_everything_goes),
		cmocka_unit_test(of_too_many_clients_the_one_longest_away_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
