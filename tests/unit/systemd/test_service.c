/* adapter/systemd/service.h: what a service manager hears, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/sim/loop.h"
#include "adapter/systemd/service.h"

struct stage {
	struct loop loop;
	int manager; /* the socket of the service manager */
	char name[64];
};

static void *as_state(struct stage *s)
{
	return s;
}

static int set_up(void **state)
{
	static struct stage stage;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	stage = (struct stage){0};
	sim_loop_init(&stage.loop);
	(void)snprintf(stage.name, sizeof(stage.name), "@samoza-test-service-%d", getpid());
	size_t size = strlen(stage.name);
	memcpy(at.sun_path, stage.name, size);
	at.sun_path[0] = '\0';
	stage.manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(stage.manager, (const struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
			 0);
	*state = as_state(&stage);
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	sim_loop_done(&s->loop);
	return close(s->manager);
}

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

/* What came since the last call, with a comma after each. */
static const char *heard(const struct stage *s)
{
	static char all[1024];
	size_t have = 0;
	ssize_t n;
	while ((n = recv(s->manager, all + have, sizeof(all) - have - 2, 0)) > 0) {
		have += (size_t)n;
		all[have++] = ',';
	}
	all[have] = '\0';
	return all;
}

static void test_says_when_it_is_ready_and_when_it_ends(void **state)
{
	struct stage *s = *state;
	set("NOTIFY_SOCKET", s->name);
	struct service *service = service_new(&s->loop);
	assert_string_equal(heard(s), "");
	service_ready(service);
	assert_string_equal(heard(s), "READY=1,");
	sim_loop_run(&s->loop, 60000);
	assert_string_equal(heard(s), ""); /* no watchdog was asked for */
	service_ending(service);
	assert_string_equal(heard(s), "STOPPING=1,");
	service_free(service);
}

static void test_its_loop_feeds_the_watchdog_three_times_in_its_time(void **state)
{
	struct stage *s = *state;
	set("NOTIFY_SOCKET", s->name);
	set("WATCHDOG_USEC", "3000000");
	struct service *service = service_new(&s->loop);
	sim_loop_run(&s->loop, 10000);
	assert_string_equal(heard(s),
			    ""); /* it is not ready: the start has a time-out of its own */
	service_ready(service);
	assert_string_equal(heard(s), "READY=1,WATCHDOG=1,");
	sim_loop_run(&s->loop, 999);
	assert_string_equal(heard(s), "");
	sim_loop_run(&s->loop, 2001);
	assert_string_equal(heard(s), "WATCHDOG=1,WATCHDOG=1,WATCHDOG=1,");
	service_ready(
		service); /* as after a second look at the settings: feeds once, not twice */
	assert_string_equal(heard(s), "READY=1,");
	service_free(service);
}

static void test_the_program_that_it_becomes_speaks_for_it_again(void **state)
{
	struct stage *s = *state;
	set("NOTIFY_SOCKET", s->name);
	set("WATCHDOG_USEC", "3000000");
	struct service *service = service_new(&s->loop);
	service_hand_on(service);
	assert_string_equal(getenv("NOTIFY_SOCKET"), s->name);
	assert_string_equal(getenv("WATCHDOG_USEC"), "3000000");
	assert_null(getenv("WATCHDOG_PID")); /* there was none */
	service_free(service);
	service = service_new(&s->loop);
	service_ready(service);
	assert_string_equal(heard(s), "READY=1,WATCHDOG=1,");
	service_free(service);
}

static void test_its_children_do_not_speak_for_it(void **state)
{
	struct stage *s = *state;
	set("NOTIFY_SOCKET", s->name);
	set("WATCHDOG_USEC", "3000000");
	set("WATCHDOG_PID", "1");
	struct service *service = service_new(&s->loop);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	service_ready(service); /* the watchdog is that of another process */
	assert_string_equal(heard(s), "READY=1,");
	service_free(service);
}

static void test_without_a_service_manager_it_does_nothing(void **state)
{
	struct stage *s = *state;
	static const char *const names[] = {NULL, "", "relative", "@", "/no/such/socket"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] != NULL)
			set("NOTIFY_SOCKET", names[i]);
		set("WATCHDOG_USEC", "3000000 or so");
		struct service *service = service_new(&s->loop);
		service_ready(service);
		service_ending(service);
		service_free(service);
		assert_string_equal(heard(s), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_says_when_it_is_ready_and_when_it_ends,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_its_loop_feeds_the_watchdog_three_times_in_its_time, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_program_that_it_becomes_speaks_for_it_again, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_its_children_do_not_speak_for_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_service_manager_it_does_nothing,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
