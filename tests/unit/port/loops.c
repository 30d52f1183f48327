#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sim/loop.h"
#include "adapter/uv/loop.h"
#include "loops.h"

enum { DEADLINE_MS = 60000 };

static void uv_init(struct loop *loop)
{
	assert_int_equal(loop_init(loop, NULL), 0);
}

const struct loop_kind loop_kinds[] = {
	{"uv", uv_init, loop_done},
	{"sim", sim_loop_init, sim_loop_done},
};
const size_t loop_kind_count = ARRAY_SIZE(loop_kinds);

static bool is_simulated(const struct loop *loop)
{
	struct loop sim;
	sim_loop_init(&sim);
	bool same = loop->ops == sim.ops;
	sim_loop_done(&sim);
	return same;
}

static bool read_flag(void *user)
{
	return *(const bool *)user;
}

static void on_deadline(void *user)
{
	(void)user;
	fail_msg("nothing happened within a minute");
}

struct until {
	struct loop *loop;
	const bool *is_done;
};

static bool stop_when_done(void *user)
{
	const struct until *until = user;
	if (*until->is_done)
		loop_stop(until->loop);
	return false;
}

void loop_until(struct loop *loop, const bool *is_done)
{
	if (is_simulated(loop)) {
		if (!sim_loop_until(loop, read_flag, (void *)(uintptr_t)is_done, DEADLINE_MS))
			on_deadline(NULL);
		return;
	}
	struct until until = {.loop = loop, .is_done = is_done};
	struct loop_timer *deadline = loop_timer_new(loop, on_deadline, NULL);
	loop_timer_at(deadline, loop_now(loop).mono_ms + DEADLINE_MS);
	loop_before_poll(loop, stop_when_done, &until);
	loop_run(loop);
	loop_before_poll_remove(loop, stop_when_done, &until);
	loop_timer_free(deadline);
}

void loop_settle(struct loop *loop)
{
	if (is_simulated(loop)) {
		sim_loop_run(loop, 0);
		return;
	}
	for (unsigned i = 0; i < 20; i++)
		(void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}
