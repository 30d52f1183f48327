/*
 * zrms judges the silence of zhosts by what it could have heard: not by the time in which it stood still itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/control/state/state.h"
#include "core/control/state/zhost_registry.h"
#include "fixture.h"

#define SLEPT_MS 600000

static void check_zhost(const struct fixture *f, const char *name, unsigned expected)
{
	assert_int_equal(zhost_find(&f->control->zhosts, name)->state, expected);
}

static void tick(struct fixture *f)
{
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_TICK});
}

static void hear_n2(struct fixture *f)
{
	fixture_heartbeat(f, "n2", 2);
}

static void close_n2(struct fixture *f)
{
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_CLOSED, .closed = {.link_id = 2}});
}

static void ask(struct fixture *f)
{
	(void)fixture_handle(
		f, &(struct control_input){.type = CONTROL_ZHOST,
					   .zhost = {.name = "n2", .action = ZHOST_CORDON}});
}

/* What comes first after the sleep: what waited in a link or a socket, or the tick that was due. */
static void (*const firsts[])(struct fixture *f) = {tick, hear_n2, close_n2, ask};

static void sleep_of_zrms(struct fixture *f, void (*first)(struct fixture *f))
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_hello(f, "n2", 2, NULL, 0);
	fixture_advance(f, 4000);
	f->now.mono_ms += SLEPT_MS;
	f->now.wall_ms += SLEPT_MS;
	first(f);
	tick(f);
}

static void after_a_sleep_of_zrms_nobody_is_judged_at_once(void **state)
{
	struct fixture f;
	(void)state;
	for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++) {
		sleep_of_zrms(&f, firsts[k]);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_advance(&f, f.control->config.check_ms - 1);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_heartbeat(&f, "n1", 1); /* it was on its way */
		fixture_advance(&f, 1000);
		check_zhost(&f, "n1", ZHOST_STARTED);
		fixture_done(&f);
	}
}

static void after_a_sleep_of_zrms_who_stays_silent_is_a_problem(void **state)
{
	struct fixture f;
	(void)state;
	for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++) {
		sleep_of_zrms(&f, firsts[k]);
		fixture_advance(&f, f.control->config.check_ms);
		check_zhost(&f, "n1", ZHOST_PROBLEM);
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_sleep_of_zrms_nobody_is_judged_at_once),
		cmocka_unit_test(after_a_sleep_of_zrms_who_stays_silent_is_a_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
