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
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &out);
	assert_string_equal(out.data, "# HELP test_requests_total Requests received.\n"
				      "# TYPE test_requests_total counter\n"
				      "test_requests_total 7\n"
				      "# HELP test_open Open connections.\n"
				      "# TYPE test_open gauge\n"
				      "test_open 18446744073709551615\n"
				      "# HELP test_spaces Spaces by state.\n"
				      "# TYPE test_spaces gauge\n"
				      "test_spaces{state=\"a\"} 2\n"
				      "test_spaces{state=\"other\"} 3\n"
				      "# EOF\n");
	metric_registry_done(&registry);
}

/* ---- every type, in both formats ---- */

enum { CPU, DELAY, BUILD, STATE };
static const struct metric typed[] = {
	[CPU] = {"test_cpu_seconds_total", METRIC_COUNTER, "Time.", "space,copy"},
	[DELAY] = {"test_delay_seconds", METRIC_HISTOGRAM, "Delay."},
	[BUILD] = {"test_build_info", METRIC_INFO, "Version.", "version"},
	[STATE] = {"test_state", METRIC_STATE, "State.", "space"},
};

static void read_typed(const void *user, struct metric_values *to)
{
	metric_add_us(to, CPU, (const char *const[]){"a", "1"}, 1500000);
	metric_add_histogram(to, DELAY, NULL, user);
	metric_add(to, BUILD, (const char *const[]){"1.2"}, 1);
	metric_add_state(to, STATE, (const char *const[]){"a"},
			 (const char *const[]){"up", "down"}, 2, 1);
}

static const struct metric_source typed_source = METRIC_SOURCE(typed, read_typed);

static char *print_typed(const struct histogram *h, enum metric_format format)
{
	struct metric_registry registry = {0};
	struct buffer out = BUFFER_INIT(100000);

	metric_registry_add(&registry, &typed_source, h);
	metric_registry_print(&registry, format, &out);
	metric_registry_done(&registry);
	return buffer_steal(&out);
}

static void a_histogram_counts_up_to_each_bound(void **state)
{
	struct histogram h = {0};
	CLEANUP(freep) char *text = NULL;

	histogram_add(&h, -5); /* counts as 0 */
	histogram_add(&h, 100);
	histogram_add(&h, 101);
	histogram_add(&h, 61000000);
	text = print_typed(&h, METRIC_FORMAT_TEXT);
	assert_non_null(strstr(text, "# TYPE test_delay_seconds histogram\n"
				     "test_delay_seconds_bucket{le=\"0.0001\"} 2\n"
				     "test_delay_seconds_bucket{le=\"0.00025\"} 3\n"));
	assert_non_null(strstr(text, "test_delay_seconds_bucket{le=\"60.0\"} 3\n"
				     "test_delay_seconds_bucket{le=\"+Inf\"} 4\n"
				     "test_delay_seconds_count 4\n"
				     "test_delay_seconds_sum 61.000201\n"));
}

static void openmetrics_has_families_units_and_types_of_its_own(void **state)
{
	const struct histogram h = {0};
	CLEANUP(freep) char *text = print_typed(&h, METRIC_FORMAT_OPENMETRICS);

	assert_non_null(strstr(text,
			       "# HELP test_cpu_seconds Time.\n"
			       "# TYPE test_cpu_seconds counter\n"
			       "# UNIT test_cpu_seconds seconds\n"
			       "test_cpu_seconds_total{space=\"a\",copy=\"1\"} 1.500000\n"));
	assert_non_null(strstr(text, "# HELP test_build Version.\n"
				     "# TYPE test_build info\n"
				     "test_build_info{version=\"1.2\"} 1\n"
				     "# HELP test_state State.\n"
				     "# TYPE test_state stateset\n"
				     "test_state{space=\"a\",test_state=\"up\"} 0\n"
				     "test_state{space=\"a\",test_state=\"down\"} 1\n"
				     "# EOF\n"));
}

static void the_older_text_has_the_types_that_it_knows(void **state)
{
	const struct histogram h = {0};
	CLEANUP(freep) char *text = print_typed(&h, METRIC_FORMAT_TEXT);

	assert_non_null(strstr(text, "# TYPE test_cpu_seconds_total counter\n"
				     "test_cpu_seconds_total{"));
	assert_non_null(strstr(text, "# TYPE test_build_info gauge\n"));
	assert_non_null(strstr(text, "# TYPE test_state gauge\n"));
	assert_null(strstr(text, "# UNIT"));
}

static void the_client_chooses_the_format(void **state)
{
	assert_int_equal(metric_format_accepted(NULL), METRIC_FORMAT_TEXT);
	assert_int_equal(metric_format_accepted("*/*"), METRIC_FORMAT_TEXT);
	assert_int_equal(metric_format_accepted("application/openmetrics-text;version=1.0.0,"
						"text/plain;q=0.5"),
			 METRIC_FORMAT_OPENMETRICS);
}

static void values_of_labels_are_escaped(void **state)
{
	const struct part part = {.state = "a\"b\\c\nd"};
	struct metric_registry registry = {0};
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(10000);

	metric_registry_add(&registry, &source, &part);
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &out);
	assert_non_null(strstr(out.data, "test_spaces{state=\"a\\\"b\\\\c\\nd\"} 2\n"));
	metric_registry_done(&registry);
}

static void print_part(const struct part *part)
{
	struct metric_registry registry = {0};
	struct buffer out = BUFFER_INIT(10000);

	metric_registry_add(&registry, &source, part);
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &out);
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

/* OpenMetrics would take both for one. */
static void name_a_gauge_as_a_counter_without_its_total(void)
{
	static const struct metric wrong[] = {{"test_requests", METRIC_GAUGE, "Something."}};
	static const struct metric_source wrong_source = METRIC_SOURCE(wrong, read_metrics);
	struct metric_registry registry = {0};

	metric_registry_add(&registry, &source, NULL);
	metric_registry_add(&registry, &wrong_source, NULL);
}

static void mistakes_of_the_program_end_it(void **state)
{
	expect_abort(forget_a_value, "lines->count == 1");
	expect_abort(set_twice, "lines->count == 0");
	expect_abort(register_a_name_twice, "has_family");
	expect_abort(name_a_gauge_as_a_counter_without_its_total, "has_family");
	expect_abort(misname_a_counter, "is_well_formed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_printed_in_the_order_of_the_table),
		cmocka_unit_test(values_of_labels_are_escaped),
		cmocka_unit_test(a_histogram_counts_up_to_each_bound),
		cmocka_unit_test(openmetrics_has_families_units_and_types_of_its_own),
		cmocka_unit_test(the_older_text_has_the_types_that_it_knows),
		cmocka_unit_test(the_client_chooses_the_format),
		cmocka_unit_test(mistakes_of_the_program_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
