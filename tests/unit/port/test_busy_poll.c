/* loop_busy_poll() on libuv: polling costs nothing on a machine whose processors are wanted by others.
 * The yield is ours: it says how long another program took the processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sched.h>

#include "adapter/uv/loop.h"
#include "base/heap.h"

#define ROUNDS 20

static unsigned yields;
static int taken_ms; /* by others, in each yield */

int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	yields++;
	if (taken_ms > 0)
		(void)poll(NULL, 0, taken_ms);
	return 0;
}

struct stage {
	struct loop loop;
	struct loop_timer *timer;
	struct loop_task task;
	unsigned rounds;
};

/* Two messages in each round, so that the loop polls. */
static void on_timer(void *user)
{
	struct stage *s = user;
	loop_busy_poll(&s->loop);
	loop_busy_poll(&s->loop);
	if (++s->rounds == ROUNDS)
		loop_stop(&s->loop);
	else
		loop_timer_at(s->timer, loop_now(&s->loop).mono_ms + 1);
}

static unsigned yields_of_a_conversation(void)
{
	struct stage s = {0};
	assert_int_equal(loop_init(&s.loop, NULL), 0);
	s.timer = loop_timer_new(&s.loop, on_timer, &s);
	loop_timer_at(s.timer, 0);
	yields = 0;
	loop_run(&s.loop);
	loop_timer_free(s.timer);
	loop_done(&s.loop);
	return yields;
}

static void an_idle_machine_is_polled(void **state)
{
	(void)state;
	taken_ms = 0;
	assert_in_range(yields_of_a_conversation(), 1, UINT32_MAX);
}

static void a_busy_machine_is_left_to_others(void **state)
{
	(void)state;
	taken_ms = 2;
	assert_in_range(yields_of_a_conversation(), 1, ROUNDS / 2);
}

static void on_task(void *user)
{
	struct stage *s = user;
	if (++s->rounds == ROUNDS)
		loop_stop(&s->loop);
	else
		loop_defer(&s->loop, &s->task);
}

static void work_that_waits_is_done_without_a_yield(void **state)
{
	struct stage s = {.task = {.fn = on_task, .user = &s}};
	(void)state;
	taken_ms = 0;
	assert_int_equal(loop_init(&s.loop, NULL), 0);
	loop_defer(&s.loop, &s.task);
	yields = 0;
	loop_run(&s.loop);
	loop_done(&s.loop);
	assert_int_equal(yields, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_machine_is_polled),
		cmocka_unit_test(a_busy_machine_is_left_to_others),
		cmocka_unit_test(work_that_waits_is_done_without_a_yield),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
