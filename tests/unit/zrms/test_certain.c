/* Who waits for a renewal of the lease, and who is refused. The clock and the timer are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zrms/certain.h"
#include "zrms/lead.h"
#include "zrms/zrms.h"

enum { LEASE_MS = 2000 };

static int64_t now_ms, promise_ms, timer_ms;
static void (*timer_fn)(void *user);
static void *timer_user;
static unsigned refused, handled;

int64_t __wrap_lead_promise_ms(const struct lead *lead);
int64_t __wrap_lead_promise_ms(const struct lead *lead)
{
	(void)lead;
	return promise_ms;
}

bool __wrap_stands_by(const struct zrms *zrms);
bool __wrap_stands_by(const struct zrms *zrms)
{
	(void)zrms;
	return false;
}

void __wrap_api_reads_refuse(struct zrms *zrms, void (*one)(struct http_request *request));
void __wrap_api_reads_refuse(struct zrms *zrms, void (*one)(struct http_request *request))
{
	(void)zrms;
	(void)one;
}

void __wrap_http_handle_again(struct http_request *request);
void __wrap_http_handle_again(struct http_request *request)
{
	(void)request;
	handled++;
}

void __wrap_http_add_header(struct http_request *request, const char *name, const char *value);
void __wrap_http_add_header(struct http_request *request, const char *name, const char *value)
{
	(void)request;
	(void)name;
	(void)value;
}

void __wrap_http_reply_failure(struct http_request *request, unsigned status, const char *code,
			       const char *message);
void __wrap_http_reply_failure(struct http_request *request, unsigned status, const char *code,
			       const char *message)
{
	(void)request;
	(void)code;
	(void)message;
	assert_int_equal(status, 503);
	refused++;
}

static struct instant time_now(struct loop *loop)
{
	(void)loop;
	return (struct instant){.mono_ms = now_ms, .wall_ms = now_ms};
}

static struct loop_timer *timer_new(struct loop *loop, void (*fn)(void *user), void *user)
{
	static struct loop_timer timer;
	timer.loop = loop;
	timer_fn = fn;
	timer_user = user;
	timer_ms = NEVER_MS;
	return &timer;
}

static void timer_free(struct loop_timer *timer)
{
	(void)timer;
}

static void timer_at(struct loop_timer *timer, int64_t mono_ms)
{
	(void)timer;
	timer_ms = mono_ms;
}

static const struct loop_ops ops = {.now = time_now,
				    .timer_new = timer_new,
				    .timer_free = timer_free,
				    .timer_at = timer_at};

/* It is that time, and the loop has run until then. */
static void run_to(int64_t mono_ms)
{
	while (timer_ms <= mono_ms) {
		now_ms = timer_ms > now_ms ? timer_ms : now_ms;
		timer_ms = NEVER_MS;
		timer_fn(timer_user);
	}
	now_ms = mono_ms;
}

/* It is that time, and the loop has not run since. */
static void hold_to(int64_t mono_ms)
{
	now_ms = mono_ms;
}

static void promise(struct certain *c, int64_t until_ms)
{
	promise_ms = until_ms;
	certain_promised(c);
}

static struct zrms *zrms_at_1000(void)
{
	struct zrms *zrms = mem_new(struct zrms);
	zrms->loop.ops = &ops;
	zrms->settings.lease_ms = LEASE_MS;
	zrms->lead = (struct lead *)&refused; /* not looked into */
	refused = handled = 0;
	now_ms = 1000;
	zrms->certain = certain_new(zrms);
	promise(zrms->certain, 2500);
	return zrms;
}

static void zrms_end(struct zrms *zrms)
{
	certain_free(zrms->certain);
	free(zrms);
}

static bool ask(struct zrms *zrms)
{
	const struct http_route route = {.needs = ACCESS_VIEWER, .operation = "listTopologies"};
	return certain_begins(zrms, (struct http_request *)&handled, &route);
}

static void a_store_that_is_silent_for_a_lease_refuses(void **state)
{
	struct zrms *zrms = zrms_at_1000();
	(void)state;
	assert_true(ask(zrms));
	run_to(2600);
	assert_false(ask(zrms)); /* waits */
	run_to(4499);
	assert_int_equal(refused, 0);
	run_to(4500);
	assert_int_equal(refused, 1);
	run_to(9000);
	assert_false(ask(zrms));
	assert_int_equal(refused, 2);
	promise(zrms->certain, 11000);
	assert_true(ask(zrms));
	zrms_end(zrms);
}

/* As a start with many records holds it: the renewal was granted, and is read a moment later. */
static void time_in_which_the_loop_was_held_is_no_silence(void **state)
{
	struct zrms *zrms = zrms_at_1000();
	(void)state;
	hold_to(9000);
	assert_false(ask(zrms));
	assert_int_equal(refused, 0);
	run_to(9000);
	assert_int_equal(refused, 0);
	promise(zrms->certain, 11000);
	run_to(9001);
	assert_int_equal(handled, 1);
	assert_int_equal(refused, 0);
	zrms_end(zrms);
}

static void after_that_silence_refuses_as_before(void **state)
{
	struct zrms *zrms = zrms_at_1000();
	(void)state;
	hold_to(9000);
	run_to(9000);
	assert_false(ask(zrms));
	run_to(10999);
	assert_int_equal(refused, 0);
	run_to(11000);
	assert_int_equal(refused, 1);
	zrms_end(zrms);
}

static void a_loop_that_is_held_again_and_again_refuses_as_well(void **state)
{
	struct zrms *zrms = zrms_at_1000();
	(void)state;
	hold_to(9000);
	assert_false(ask(zrms));
	run_to(9000);
	for (int64_t mono_ms = 12000; mono_ms < 20000; mono_ms += LEASE_MS) {
		hold_to(mono_ms);
		run_to(mono_ms);
		assert_int_equal(refused, 1);
	}
	/* Another promise, another delay. */
	promise(zrms->certain, now_ms + LEASE_MS);
	hold_to(30000);
	assert_false(ask(zrms));
	assert_int_equal(refused, 1);
	zrms_end(zrms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_is_silent_for_a_lease_refuses),
		cmocka_unit_test(time_in_which_the_loop_was_held_is_no_silence),
		cmocka_unit_test(after_that_silence_refuses_as_before),
		cmocka_unit_test(a_loop_that_is_held_again_and_again_refuses_as_well),
	};
	return cmocka_run_group_tests_name("certain", tests, NULL, NULL);
}
