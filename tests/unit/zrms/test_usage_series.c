/*
 * What zhosts have used over time: means of intervals, bounded, with gaps where nothing was known.
 */
#include "zrms/usage_series.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static const int64_t begin_ms = 1777458600000; /* 2026-04-29T10:30:00Z */

static void sample(struct usage_series *s, int64_t wall_ms, const char *name, bool is_heard,
		   uint64_t cpu)
{
	const struct zhost_usage usage = {.name = name,
					  .is_heard = is_heard,
					  .cpu_total = 4000,
					  .cpu_reserved = 1000,
					  .cpu_used = cpu,
					  .memory_total = 1 << 30,
					  .memory_reserved = 1 << 20,
					  .memory_used = 1 << 21};
	usage_series_begin(s, wall_ms);
	usage_series_take(s, &usage);
	usage_series_end(s);
}

static Samoza__V1__ZhostUsageView *view(struct usage_series *s, const char *name,
					enum usage_span span)
{
	return usage_series_view(s, name, span);
}

static void view_free(Samoza__V1__ZhostUsageView *v)
{
	samoza__v1__zhost_usage_view__free_unpacked(v, NULL);
}

static void it_keeps_the_mean_of_each_interval(void **state)
{
	(void)state;
	struct usage_series *s = usage_series_new();
	for (int k = 0; k < 4; k++)
		sample(s, begin_ms + k * 5000, "n1", true, (uint64_t)k * 100);
	sample(s, begin_ms + 20000, "n1", true, 700);
	Samoza__V1__ZhostUsageView *v = view(s, "n1", USAGE_HOUR);
	assert_string_equal(v->since, "2026-04-29T10:30:00Z");
	assert_int_equal(v->interval_ms, 20000);
	assert_int_equal(v->n_cpu_used, 2);
	assert_int_equal(v->cpu_used[0], 150);
	assert_int_equal(v->cpu_used[1], 700);
	assert_int_equal(v->cpu_reserved[0], 1000);
	assert_int_equal(v->memory_used[0], 1 << 21);
	assert_int_equal(v->memory_reserved[1], 1 << 20);
	assert_int_equal(v->cpu_total, 4000);
	view_free(v);
	v = view(s, "n1", USAGE_DAY);
	assert_int_equal(v->n_cpu_used, 1);
	assert_int_equal(v->cpu_used[0], 260);
	view_free(v);
	usage_series_free(s);
}

static void what_is_silent_is_not_known(void **state)
{
	(void)state;
	struct usage_series *s = usage_series_new();
	sample(s, begin_ms, "n1", true, 100);
	sample(s, begin_ms + 20000, "n1", false, 100);
	sample(s, begin_ms + 80000, "n1", true, 300); /* two intervals without a sample */
	Samoza__V1__ZhostUsageView *v = view(s, "n1", USAGE_HOUR);
	assert_int_equal(v->n_cpu_used, 5);
	const int64_t used[] = {100, -1, -1, -1, 300}, reserved[] = {1000, 1000, -1, -1, 1000};
	for (size_t k = 0; k < 5; k++) {
		assert_int_equal(v->cpu_used[k], used[k]);
		assert_int_equal(v->cpu_reserved[k], reserved[k]);
	}
	view_free(v);
	usage_series_free(s);
}

static void it_keeps_an_hour_a_day_and_a_week(void **state)
{
	(void)state;
	struct usage_series *s = usage_series_new();
	for (int64_t at = 0; at <= INT64_C(10) * 24 * 3600 * 1000; at += 20000)
		sample(s, begin_ms + at, "n1", true, (uint64_t)at / 20000);
	Samoza__V1__ZhostUsageView *v = view(s, "n1", USAGE_HOUR);
	assert_int_equal(v->n_cpu_used, 181);
	assert_string_equal(v->since, "2026-05-09T09:30:00Z");
	assert_int_equal(v->cpu_used[179], 10 * 24 * 180 - 1);
	view_free(v);
	v = view(s, "n1", USAGE_DAY);
	assert_int_equal(v->n_cpu_used, 145);
	view_free(v);
	v = view(s, "n1", USAGE_WEEK);
	assert_int_equal(v->n_cpu_used, 169);
	view_free(v);
	usage_series_free(s);
}

static void a_clock_that_is_set_back_begins_again(void **state)
{
	(void)state;
	struct usage_series *s = usage_series_new();
	sample(s, begin_ms, "n1", true, 100);
	sample(s, begin_ms + 20000, "n1", true, 200);
	sample(s, begin_ms - 3600000, "n1", true, 300);
	Samoza__V1__ZhostUsageView *v = view(s, "n1", USAGE_HOUR);
	assert_int_equal(v->n_cpu_used, 1);
	assert_int_equal(v->cpu_used[0], 300);
	view_free(v);
	usage_series_free(s);
}

static void who_is_removed_is_forgotten(void **state)
{
	(void)state;
	struct usage_series *s = usage_series_new();
	sample(s, begin_ms, "n1", true, 100);
	sample(s, begin_ms + 5000, "n2", true, 100);
	Samoza__V1__ZhostUsageView *v = view(s, "n1", USAGE_HOUR);
	assert_null(v->since);
	assert_int_equal(v->n_cpu_used, 0);
	view_free(v);
	usage_series_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_keeps_the_mean_of_each_interval),
		cmocka_unit_test(what_is_silent_is_not_known),
		cmocka_unit_test(it_keeps_an_hour_a_day_and_a_week),
		cmocka_unit_test(a_clock_that_is_set_back_begins_again),
		cmocka_unit_test(who_is_removed_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
