#include "adapter/sim/loop.h"

#include "base/check.h"
#include "base/heap.h"

/* Not 0, and monotonic and wall clock differ, so that a mix-up shows. */
enum { MONO_BEGIN_MS = 1000 };
#define WALL_BEGIN_MS INT64_C(1700000000000)

/* More turns than that without a step of time: work is deferred for ever. */
enum { TURNS_MAX = 1000000 };

struct sim_state {
	int64_t now_ms;
	struct heap timers;
	size_t timer_count;
};

struct sim_timer {
	struct loop_timer timer;
	struct heap_node node; /* in sim_state.timers while it is set */
	void (*fn)(void *user);
	void *user;
};

static struct sim_state *state_of(struct loop *loop)
{
	return loop->implementation;
}

static struct sim_timer *timer_of(struct loop_timer *timer)
{
	return container_of(timer, struct sim_timer, timer);
}

static struct instant now(struct loop *loop)
{
	int64_t mono_ms = state_of(loop)->now_ms;
	return (struct instant){.mono_ms = mono_ms, .wall_ms = WALL_BEGIN_MS + mono_ms};
}

static int64_t mono_us(struct loop *loop)
{
	return state_of(loop)->now_ms * 1000;
}

static struct loop_timer *timer_new(struct loop *loop, void (*fn)(void *user), void *user)
{
	struct sim_timer *t = mem_new(struct sim_timer);
	t->timer.loop = loop;
	t->fn = fn;
	t->user = user;
	state_of(loop)->timer_count++;
	return &t->timer;
}

static void timer_free(struct loop_timer *timer)
{
	struct sim_timer *t = timer_of(timer);
	struct sim_state *s = state_of(timer->loop);
	heap_remove(&s->timers, &t->node);
	s->timer_count--;
	free(t);
}

static void timer_at(struct loop_timer *timer, int64_t mono_ms)
{
	struct sim_timer *t = timer_of(timer);
	struct heap *timers = &state_of(timer->loop)->timers;
	if (mono_ms == NEVER_MS)
		heap_remove(timers, &t->node);
	else if (!heap_has(&t->node) || t->node.key != mono_ms)
		heap_set(timers, &t->node, mono_ms);
}

static void busy_poll(struct loop *loop)
{
	(void)loop; /* costs no virtual time and gains none */
}

static void run_job(void *user)
{
	struct loop_job *job = user;
	job->run(job);
	loop_job_done(job);
}

static void run_in_thread(struct loop *loop, struct loop_job *job)
{
	job->task = (struct loop_task){.fn = run_job, .user = job};
	loop_defer(loop, &job->task);
}

static const struct loop_ops sim_ops = {
	.now = now,
	.mono_us = mono_us,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_at = timer_at,
	.busy_poll = busy_poll,
	.run_in_thread = run_in_thread,
};

void sim_loop_init(struct loop *loop)
{
	struct sim_state *s = mem_new(struct sim_state);
	s->now_ms = MONO_BEGIN_MS;
	loop_work_init(loop, &sim_ops, s);
}

void sim_loop_done(struct loop *loop)
{
	struct sim_state *s = state_of(loop);
	PRE(s->timer_count == 0);
	heap_done(&s->timers);
	free(s);
	loop_work_done(loop);
}

/* ---- running ---- */

/* Fires the first timer that is due by now. */
static bool timer_fire(struct sim_state *s)
{
	struct heap_node *first = heap_first(&s->timers);
	if (first == NULL || first->key > s->now_ms)
		return false;
	struct sim_timer *t = container_of(first, struct sim_timer, node);
	heap_remove(&s->timers, first);
	t->fn(t->user);
	return true;
}

/* Moves the time to the next timer, at most to `end_ms`. False: the end is reached. */
static bool time_step(struct sim_state *s, int64_t end_ms)
{
	const struct heap_node *first = heap_first(&s->timers);
	if (first != NULL && first->key <= end_ms) {
		s->now_ms = first->key > s->now_ms ? first->key : s->now_ms;
		return true;
	}
	s->now_ms = end_ms;
	return false;
}

bool sim_loop_until(struct loop *loop, bool (*is_true)(void *user), void *user, int64_t ms)
{
	struct sim_state *s = state_of(loop);
	int64_t end_ms = s->now_ms + ms;
	unsigned turns = 0;
	for (;;) {
		bool worked = loop_work_run(loop);
		if (is_true != NULL && is_true(user))
			return true;
		int64_t before_ms = s->now_ms;
		if (worked || timer_fire(s))
			INVARIANT(++turns < TURNS_MAX);
		else if (!time_step(s, end_ms))
			return false;
		else if (s->now_ms != before_ms)
			turns = 0;
	}
}

void sim_loop_run(struct loop *loop, int64_t ms)
{
	(void)sim_loop_until(loop, NULL, NULL, ms);
}
