#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/metrics.h"
#include "dies.h"

struct part {
	uint64_t requests, open;
	const char *state;
	bool forgets_a_value, sets_twice;
};

enum { REQUESTS, OPEN, SPACES };
static const struct metric metrics[] = {
	[REQUESTS] = {"test_requests_total", METRIC_COUNTER, "Requests received."},
	[OPEN] = {"test_open", METRIC_GAUGE, "Open connections."},
	[SPACES] = {"test_spaces", METRIC_GAUGE, "Spaces by state.", "state"},
};

static void read_metrics(const void *user, struct metric_values *to)
{
	const struct part *p = user;

	metric_set_labelled(to, SPACES, p->state, 2);
	metric_set(to, OPEN, p->open);
	metric_set_labelled(to, SPACES, "other", 3);
	if (!p->forgets_a_value)
		metric_set(to, REQUESTS, p->requests);
	if (p->sets_twice)
		metric_set(to, REQUESTS, p->requests);
}

static const struct metric_source source = METRIC_SOURCE(metrics, read_metrics);

static void metrics_are_printed_in_the_order_of_the_table(void **state)
{
	const struct part part = {.requests = 7, .open = UINT64_MAX, .state = "a"};
	struct metric_registry registry = {0};
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(10000);

	metric_registry_add(&registry, &source, &part);
	metric_registry_print(&registry, &out);
	assert_string_equal(out.data, "# HELP test_requests_total Requests received.\n"
				      "# TYPE test_requests_total counter\n"
				      "test_requests_total 7\n"
				      "# HELP test_open Open connections.\n"
				      "# TYPE test_open gauge\n"
				      "test_open 18446744073709551615\n"
				      "# HELP test_spaces Spaces by state.\n"
				      "# TYPE test_spaces gauge\n"
				      "test_spaces{state=\"a\"} 2\n"
				      "test_spaces{state=\"other\"} 3\n");
	metric_registry_done(&registry);
}

static void values_of_labels_are_escaped(void **state)
{
	const struct part part = {.state = "a\"b\\c\nd"};
	struct metric_registry registry = {0};
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(10000);

	metric_registry_add(&registry, &source, &part);
	metric_registry_print(&registry, &out);
	assert_non_null(strstr(out.data, "test_spaces{state=\"a\\\"b\\\\c\\nd\"} 2\n"));
	metric_registry_done(&registry);
}

static void print_part(const struct part *part)
{
	struct metric_registry registry = {0};
	struct buffer out = BUFFER_INIT(10000);

	metric_registry_add(&registry, &source, part);
	metric_registry_print(&registry, &out);
	buffer_done(&out);
	metric_registry_done(&registry);
}

static void forget_a_value(void)
{
	print_part(&(struct part){.state = "a", .forgets_a_value = true});
}

static void set_twice(void)
{
	print_part(&(struct part){.state = "a", .sets_twice = true});
}

static void register_a_name_twice(void)
{
	const struct part part = {.state = "a"};
	struct metric_registry registry = {0};

	metric_registry_add(&registry, &source, &part);
	metric_registry_add(&registry, &source, &part);
}

static void misname_a_counter(void)
{
	static const struct metric wrong[] = {{"test_x", METRIC_COUNTER, "Something."}};
	static const struct metric_source wrong_source = METRIC_SOURCE(wrong, read_metrics);
	struct metric_registry registry = {0};

	metric_registry_add(&registry, &wrong_source, NULL);
}

static void mistakes_of_the_program_end_it(void **state)
{
	expect_abort(forget_a_value, "lines->count == 1");
	expect_abort(set_twice, "lines->count == 0");
	expect_abort(register_a_name_twice, "has_name");
	expect_abort(misname_a_counter, "is_well_formed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_printed_in_the_order_of_the_table),
		cmocka_unit_test(values_of_labels_are_escaped),
		cmocka_unit_test(mistakes_of_the_program_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
