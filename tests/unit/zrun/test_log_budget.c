/* zrun/runner/log_budget.h: how much a space may log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/runner.h"

static char said[200];

/* In the place of the connection with zhost. */
void connection_note(struct runner *i, enum zrun_log_level level, const char *format, ...)
{
	va_list args;

	(void)i;
	assert_int_equal(level, ZRUN_LEVEL_WARN);
	va_start(args, format);
	(void)vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

void connection_log(struct runner *i, enum zrun_log_source source, enum zrun_log_level level,
		    const char *text, size_t size)
{
	(void)i;
	(void)source;
	(void)level;
	(void)text;
	(void)size;
	fail();
}

/* As if a second had passed since the last line. */
static void pass_a_second(struct log_budget *b)
{
	b->at_ms -= 1000;
	b->dropped_at_ms -= 1000;
}

static void a_burst_is_there_at_once_and_then_a_rate(void **state)
{
	struct log_budget b = {0};

	(void)state;
	assert_true(log_budget_afford(&b, LOG_BURST - LOG_BYTES_PER_S));
	assert_true(log_budget_afford(&b, LOG_BYTES_PER_S));
	assert_false(log_budget_afford(&b, LOG_BYTES_PER_S));
	pass_a_second(&b);
	assert_true(log_budget_afford(&b, LOG_BYTES_PER_S));
	assert_false(log_budget_afford(&b, LOG_BYTES_PER_S));
	for (unsigned second = 0; second < 100; second++)
		pass_a_second(&b);
	assert_false(log_budget_afford(&b, LOG_BURST + 1)); /* not more than a burst is saved */
	assert_true(log_budget_afford(&b, LOG_BURST));
}

static void what_is_dropped_is_said_every_five_seconds(void **state)
{
	struct log_budget b = {0};

	(void)state;
	assert_true(log_budget_afford(&b, 1));
	b.dropped_at_ms = mono_ms();
	assert_false(log_budget_afford(&b, LOG_BURST + 1));
	pass_a_second(&b);
	log_budget_report(NULL, &b, false);
	assert_string_equal(said, "");
	for (unsigned second = 0; second < 4; second++)
		pass_a_second(&b);
	log_budget_report(NULL, &b, false);
	assert_string_equal(said,
			    "it prints more than 64 KiB a second: 524289 bytes are not in "
			    "this log");
	said[0] = '\0';
	log_budget_report(NULL, &b, true);
	assert_string_equal(said, ""); /* nothing since */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_there_at_once_and_then_a_rate),
		cmocka_unit_test(what_is_dropped_is_said_every_five_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
