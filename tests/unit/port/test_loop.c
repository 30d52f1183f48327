/* port/loop.h: what every loop promises, on libuv and in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "base/str.h"
#include "loops.h"

/* What happened, in order: "a b c". */
struct record {
	struct loop loop;
	const struct loop_kind *kind;
	char text[128];
	bool is_done;
	struct loop_timer *timer, *other;
	struct loop_task task, later;
	unsigned runs;
};

static void note(struct record *r, const char *what)
{
	size_t size = strlen(r->text);
	(void)snprintf(r->text + size, sizeof(r->text) - size, "%s%s", size > 0 ? " " : "",
		       what);
}

static int begin(void **state)
{
	struct record *r = mem_new(struct record);
	r->kind = *state;
	r->kind->init(&r->loop);
	*state = r;
	return 0;
}

static int end(void **state)
{
	struct record *r = *state;
	r->kind->done(&r->loop);
	free(r);
	return 0;
}

static void on_first(void *user)
{
	note(user, "first");
}

static void on_second(void *user)
{
	struct record *r = user;
	note(r, "second");
	r->is_done = true;
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
	struct record *r = *state;
	int64_t now_ms = loop_now(&r->loop).mono_ms;
	r->timer = loop_timer_new(&r->loop, on_second, r);
	r->other = loop_timer_new(&r->loop, on_first, r);
	loop_timer_at(r->timer, now_ms + 6);
	loop_timer_at(r->other, now_ms + 3);
	loop_until(&r->loop, &r->is_done);
	assert_string_equal(r->text, "first second");
	assert_true(loop_now(&r->loop).mono_ms >= now_ms + 6);
	loop_timer_free(r->timer);
	loop_timer_free(r->other);
}

static void a_timer_in_the_past_fires_and_only_once(void **state)
{
	struct record *r = *state;
	r->timer = loop_timer_new(&r->loop, on_second, r);
	loop_timer_at(r->timer, loop_now(&r->loop).mono_ms - 5);
	loop_until(&r->loop, &r->is_done);
	loop_settle(&r->loop);
	assert_string_equal(r->text, "second");
	loop_timer_free(r->timer);
}

static void a_timer_that_is_set_again_or_off_does_not_fire_at_its_old_time(void **state)
{
	struct record *r = *state;
	int64_t now_ms = loop_now(&r->loop).mono_ms;
	struct loop_timer *off = loop_timer_new(&r->loop, on_first, r);
	struct loop_timer *moved = loop_timer_new(&r->loop, on_first, r);
	r->timer = loop_timer_new(&r->loop, on_second, r);
	loop_timer_at(off, now_ms + 1);
	loop_timer_at(off, NEVER_MS);
	loop_timer_at(moved, now_ms + 1);
	loop_timer_at(moved, now_ms + 60000);
	loop_timer_at(r->timer, now_ms + 5);
	loop_until(&r->loop, &r->is_done);
	assert_string_equal(r->text, "second");
	loop_timer_free(off);
	loop_timer_free(moved);
	loop_timer_free(r->timer);
}

static void on_free_itself(void *user)
{
	struct record *r = user;
	loop_timer_free(r->timer);
	r->is_done = true;
}

static void a_timer_may_be_freed_by_its_own_callback(void **state)
{
	struct record *r = *state;
	r->timer = loop_timer_new(&r->loop, on_free_itself, r);
	loop_timer_at(r->timer, loop_now(&r->loop).mono_ms);
	loop_until(&r->loop, &r->is_done);
}

static bool on_hook(void *user)
{
	struct record *r = user;
	if (r->runs++ > 0)
		return false;
	note(r, "hook");
	loop_defer(&r->loop, &r->task);
	return true;
}

static void on_task(void *user)
{
	note(user, "task");
}

static void tasks_run_after_the_hooks_and_once(void **state)
{
	struct record *r = *state;
	r->task = (struct loop_task){.fn = on_task, .user = r};
	r->later = (struct loop_task){.fn = on_second, .user = r};
	loop_before_poll(&r->loop, on_hook, r);
	loop_defer(&r->loop, &r->later);
	loop_defer(&r->loop, &r->later);
	loop_until(&r->loop, &r->is_done);
	loop_settle(&r->loop);
	assert_string_equal(r->text, "hook second task");
	loop_before_poll_remove(&r->loop, on_hook, r);
	unsigned runs = r->runs;
	loop_settle(&r->loop);
	assert_int_equal(r->runs, runs);
}

static void a_cancelled_task_does_not_run(void **state)
{
	struct record *r = *state;
	r->task = (struct loop_task){.fn = on_task, .user = r};
	r->later = (struct loop_task){.fn = on_second, .user = r};
	loop_defer(&r->loop, &r->task);
	loop_defer(&r->loop, &r->later);
	loop_defer_cancel(&r->loop, &r->task);
	loop_defer_cancel(&r->loop, &r->task);
	loop_until(&r->loop, &r->is_done);
	assert_string_equal(r->text, "second");
}

/* ---- virtual time ---- */

static void virtual_time_moves_only_to_timers_and_to_the_end(void **state)
{
	struct record r = {0};
	(void)state;
	sim_loop_init(&r.loop);
	int64_t begin_ms = loop_now(&r.loop).mono_ms;
	r.timer = loop_timer_new(&r.loop, on_second, &r);
	loop_timer_at(r.timer, begin_ms + 1000);
	sim_loop_run(&r.loop, 999);
	assert_int_equal(loop_now(&r.loop).mono_ms, begin_ms + 999);
	assert_false(r.is_done);
	sim_loop_run(&r.loop, 1);
	assert_true(r.is_done);
	sim_loop_run(&r.loop, INT64_C(3600) * 1000);
	assert_int_equal(loop_now(&r.loop).mono_ms, begin_ms + 1000 + INT64_C(3600) * 1000);
	loop_timer_free(r.timer);
	sim_loop_done(&r.loop);
}

int main(void)
{
	const struct CMUnitTest contract[] = {
		{"timers_fire_in_the_order_of_their_times",
		 timers_fire_in_the_order_of_their_times, begin, end, NULL},
		{"a_timer_in_the_past_fires_and_only_once",
		 a_timer_in_the_past_fires_and_only_once, begin, end, NULL},
		{"a_timer_that_is_set_again_or_off_does_not_fire_at_its_old_time",
		 a_timer_that_is_set_again_or_off_does_not_fire_at_its_old_time, begin, end,
		 NULL},
		{"a_timer_may_be_freed_by_its_own_callback",
		 a_timer_may_be_freed_by_its_own_callback, begin, end, NULL},
		{"tasks_run_after_the_hooks_and_once", tasks_run_after_the_hooks_and_once,
		 begin, end, NULL},
		{"a_cancelled_task_does_not_run", a_cancelled_task_does_not_run, begin, end,
		 NULL},
	};
	int failed = 0;
	for (size_t i = 0; i < loop_kind_count; i++) {
		struct CMUnitTest tests[ARRAY_SIZE(contract)];
		memcpy(tests, contract, sizeof(contract));
		for (size_t k = 0; k < ARRAY_SIZE(tests); k++)
			tests[k].initial_state = (void *)(uintptr_t)&loop_kinds[i];
		failed += _cmocka_run_group_tests(loop_kinds[i].name, tests, ARRAY_SIZE(tests),
						  NULL, NULL);
	}
	const struct CMUnitTest own[] = {
		cmocka_unit_test(virtual_time_moves_only_to_timers_and_to_the_end),
	};
	return failed + cmocka_run_group_tests_name("virtual time", own, NULL, NULL);
}
