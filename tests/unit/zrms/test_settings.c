/* zrms/settings.h: what zrms does where nothing is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zrms/settings.h"

/* The core's own defaults, which its tests use, are those of the program. */
static void test_the_defaults_are_those_of_the_core(void **state)
{
	char *words[] = {(char[]){"zrms"}, (char[]){"--dir"}, (char[]){"/nowhere"}, NULL};
	struct settings settings = {0};
	struct control_config config;
	struct cli_run run;
	struct error *err = NULL;

	assert_int_equal(cli_load(&settings_program, 3, words, &settings, &run, &err), 0);
	assert_int_equal(settings_control(&settings, &config, &err), 0);
	const struct control_config defaults = CONTROL_CONFIG_DEFAULT;
	assert_int_equal(config.heartbeat_ms, defaults.heartbeat_ms);
	assert_int_equal(config.failure_timeout_ms, defaults.failure_timeout_ms);
	assert_int_equal(config.check_ms, defaults.check_ms);
	assert_int_equal(config.on_disconnect_ms, defaults.on_disconnect_ms);
	assert_int_equal(config.margin_ms, defaults.margin_ms);
	cli_run_done(&run);
	cli_settings_done(&settings_program, &settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_defaults_are_those_of_the_core),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
