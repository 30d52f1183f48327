/* How long turns of a loop on libuv took: the clock is ours, and goes on only where the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "adapter/uv/loop.h"

#define MS UINT64_C(1000000)

static uint64_t now_ns, waited_ns, yield_ns;

uint64_t __wrap_uv_hrtime(void);
uint64_t __wrap_uv_hrtime(void)
{
	return now_ns;
}

uint64_t __real_uv_metrics_idle_time(uv_loop_t *loop);
uint64_t __wrap_uv_metrics_idle_time(uv_loop_t *loop);
uint64_t __wrap_uv_metrics_idle_time(uv_loop_t *loop)
{
	(void)loop;
	return waited_ns;
}

int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	now_ns += yield_ns;
	return 0;
}

struct stage {
	struct loop loop;
	struct loop_timer *timer;
	const struct step {
		uint64_t waits_ms, works_ms;
		bool is_message;
	} * steps;
	size_t count, at;
};

static void on_timer(void *user)
{
	struct stage *s = user;
	if (s->at == s->count) {
		loop_stop(&s->loop);
		return;
	}
	const struct step *step = &s->steps[s->at++];
	now_ns += (step->waits_ms + step->works_ms) * MS;
	waited_ns += step->waits_ms * MS;
	if (step->is_message)
		loop_busy_poll(&s->loop);
	loop_timer_at(s->timer, loop_now(&s->loop).mono_ms + 2);
}

static struct loop_turns play(const struct step *steps, size_t count)
{
	struct stage s = {.steps = steps, .count = count};
	now_ns = 1000 * MS;
	waited_ns = 0;
	assert_int_equal(loop_init(&s.loop, NULL), 0);
	s.timer = loop_timer_new(&s.loop, on_timer, &s);
	loop_timer_at(s.timer, 0);
	now_ns += 500 * MS; /* the program starts */
	loop_run(&s.loop);
	struct loop_turns turns = *loop_turns(&s.loop);
	assert_in_range(__real_uv_metrics_idle_time(loop_uv(&s.loop)), 1, UINT64_MAX);
	loop_timer_free(s.timer);
	loop_done(&s.loop);
	return turns;
}

static void a_turn_is_what_lies_between_two_waits(void **state)
{
	const struct step steps[] = {{.works_ms = 1},
				     {.waits_ms = 700, .works_ms = 30},
				     {.waits_ms = 5000},
				     {.waits_ms = 3, .works_ms = 4}};
	(void)state;
	struct loop_turns turns = play(steps, ARRAY_SIZE(steps));
	assert_int_equal(turns.longest_us, 30000);
	/* The first timer is due before the first wait, and belongs to the start. */
	assert_int_equal(turns.times.sum_us, 34000);
}

static void what_is_yielded_to_others_is_no_turn(void **state)
{
	const struct step steps[] = {{.works_ms = 1},
				     {.works_ms = 0, .is_message = true},
				     {.works_ms = 0, .is_message = true},
				     {.works_ms = 2}};
	(void)state;
	yield_ns = 20 * MS;
	struct loop_turns turns = play(steps, ARRAY_SIZE(steps));
	yield_ns = 0;
	assert_in_range(now_ns, 1523 * MS, UINT64_MAX); /* it did yield */
	assert_int_equal(turns.longest_us, 2000);
	assert_int_equal(turns.times.sum_us, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_is_what_lies_between_two_waits),
		cmocka_unit_test(what_is_yielded_to_others_is_no_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
