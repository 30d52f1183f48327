/* zrms/descriptors.h: what connections leave for links of zhosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "zrms/descriptors.h"

/* Each connection takes three over TLS. */
static void connections_leave_descriptors_for_links(void **state)
{
	static const unsigned limits[] = {2048, 4096, 20000, 65536};
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		unsigned taken = 3 * descriptors_connections(limits[i]);
		unsigned links = descriptors_links(limits[i]);
		assert_true(taken + links + 512 <= limits[i]);
		assert_true(taken + links + 512 + 3 > limits[i]);
	}
}

static void twenty_thousand_are_enough_for_ten_thousand_links(void **state)
{
	(void)state;
	assert_int_equal(descriptors_links(20000), 10000);
}

static void a_few_connections_are_always_allowed(void **state)
{
	(void)state;
	assert_int_equal(descriptors_connections(0), 64);
	assert_int_equal(descriptors_connections(1024), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_leave_descriptors_for_links),
		cmocka_unit_test(twenty_thousand_are_enough_for_ten_thousand_links),
		cmocka_unit_test(a_few_connections_are_always_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
