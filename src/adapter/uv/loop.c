#include "adapter/uv/loop.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

#include "base/check.h"
#include "base/heap.h"

/* Rounds of hooks per turn: what is not done then waits until sockets had their turn too. */
enum { HOOK_ROUNDS = 4 };

/* Messages that follow each other within this time are a conversation; the next one is waited
 * for awake for so long. */
#define CONVERSATION_NS UINT64_C(500000)
#define AWAKE_NS	UINT64_C(100000)

static void give_way(uv_idle_t *idle)
{
	(void)idle;
	(void)sched_yield();
}

void loop_stay_awake(struct loop *loop)
{
	uint64_t now = uv_hrtime();
	if (now - loop->talked_ns < CONVERSATION_NS)
		loop->awake_until_ns = now + AWAKE_NS;
	loop->talked_ns = now;
}

static bool hooks_run(struct loop *loop)
{
	bool worked = false;
	for (size_t i = 0; i < loop->hooks.count; i++) {
		struct loop_hook hook = loop->hooks.items[i];
		if (hook.fn != NULL && hook.fn(hook.user))
			worked = true;
	}
	return worked;
}

/* As many as waited at first: what tasks defer is for the next round. */
static bool tasks_run(struct loop *loop)
{
	bool worked = loop->tasks != NULL;
	for (size_t n = loop->task_count; n > 0 && loop->tasks != NULL; n--) {
		struct loop_task *task = loop->tasks;
		loop_defer_cancel(loop, task);
		task->fn(task->user);
	}
	return worked;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (task->link != NULL)
		return;
	task->next = NULL;
	task->link = loop->tasks_end;
	*loop->tasks_end = task;
	loop->tasks_end = &task->next;
	loop->task_count++;
}

void loop_defer_cancel(struct loop *loop, struct loop_task *task)
{
	if (task->link == NULL)
		return;
	*task->link = task->next;
	if (task->next != NULL)
		task->next->link = task->link;
	else
		loop->tasks_end = task->link;
	task->next = NULL;
	task->link = NULL;
	loop->task_count--;
}

static void prepare_run(uv_prepare_t *prepare)
{
	struct loop *loop = container_of(prepare, struct loop, prepare);
	bool worked = true;
	for (unsigned round = 0; worked && round < HOOK_ROUNDS; round++)
		worked = (int)hooks_run(loop) | (int)tasks_run(loop);
	if (worked || (loop->awake_until_ns != 0 && uv_hrtime() < loop->awake_until_ns))
		(void)uv_idle_start(&loop->spin, give_way);
	else
		(void)uv_idle_stop(&loop->spin);
	for (size_t i = loop->hooks.count; i-- > 0;)
		if (loop->hooks.items[i].fn == NULL)
			vector_remove_at(&loop->hooks, i);
}

int loop_init(struct loop *loop, struct error **err)
{
	*loop = (struct loop){0};
	loop->tasks_end = &loop->tasks;
	int r = uv_loop_init(&loop->uv);
	if (r < 0)
		return error_set(err, ERR_IO, "cannot make an event loop: %s", uv_strerror(r));
	(void)signal(SIGPIPE, SIG_IGN);
	(void)uv_prepare_init(&loop->uv, &loop->prepare);
	(void)uv_prepare_start(&loop->prepare, prepare_run);
	(void)uv_idle_init(&loop->uv, &loop->spin);
	loop->scratch = mem_calloc(1, LOOP_SCRATCH_BYTES);
	return 0;
}

static void handle_free(uv_handle_t *handle)
{
	free(handle);
}

void loop_done(struct loop *loop)
{
	vector_for_each (&loop->signals, s)
		uv_close((uv_handle_t *)*s, handle_free);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->spin, NULL);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	int r = uv_loop_close(&loop->uv);
	INVARIANT(r == 0);
	vector_done(&loop->signals);
	vector_done(&loop->hooks);
	free(loop->scratch);
}

void loop_run(struct loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

struct instant loop_now(void)
{
	struct timespec wall;
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	return (struct instant){
		.mono_ms = (int64_t)(uv_hrtime() / 1000000u),
		.wall_ms = (int64_t)wall.tv_sec * 1000 + (int64_t)wall.tv_nsec / 1000000,
	};
}

void loop_before_poll(struct loop *loop, loop_hook_fn *fn, void *user)
{
	vector_push(&loop->hooks, ((struct loop_hook){.fn = fn, .user = user}));
}

void loop_before_poll_remove(struct loop *loop, loop_hook_fn *fn, void *user)
{
	/* Only marked: this may be called from inside a hook. */
	vector_for_each (&loop->hooks, hook)
		if (hook->fn == fn && hook->user == user)
			hook->fn = NULL;
}

/* ---- signals ---- */

struct loop_signal {
	uv_signal_t handle; /* first: freed as it */
	loop_signal_fn *fn;
	void *user;
};

static void signal_arrived(uv_signal_t *handle, int signum)
{
	struct loop_signal *s = container_of(handle, struct loop_signal, handle);
	s->fn(s->user, signum);
}

int loop_on_signal(struct loop *loop, int signum, loop_signal_fn *fn, void *user,
		   struct error **err)
{
	struct loop_signal *s = mem_new(struct loop_signal);
	s->fn = fn;
	s->user = user;
	(void)uv_signal_init(&loop->uv, &s->handle);
	vector_push(&loop->signals, &s->handle);
	int r = uv_signal_start(&s->handle, signal_arrived, signum);
	if (r < 0)
		return error_set(err, ERR_IO, "cannot catch signal %d: %s", signum,
				 uv_strerror(r));
	return 0;
}

/* ---- timer ---- */

struct loop_timer {
	uv_timer_t handle; /* first: freed as it */
	void (*fn)(void *user);
	void *user;
	int64_t due_ms;
};

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *user), void *user)
{
	struct loop_timer *timer = mem_new(struct loop_timer);
	timer->fn = fn;
	timer->user = user;
	timer->due_ms = NEVER_MS;
	(void)uv_timer_init(&loop->uv, &timer->handle);
	return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL)
		uv_close((uv_handle_t *)&timer->handle, handle_free);
}

static void timer_fired(uv_timer_t *handle)
{
	struct loop_timer *timer = container_of(handle, struct loop_timer, handle);
	timer->due_ms = NEVER_MS;
	timer->fn(timer->user);
}

void loop_timer_at(struct loop_timer *timer, int64_t mono_ms)
{
	if (mono_ms == timer->due_ms)
		return;
	timer->due_ms = mono_ms;
	if (mono_ms == NEVER_MS) {
		(void)uv_timer_stop(&timer->handle);
		return;
	}
	uv_update_time(timer->handle.loop);
	/* libuv's time is hrtime in whole milliseconds, as ours: no early firing by rounding.
	 */
	int64_t wait = mono_ms - (int64_t)uv_now(timer->handle.loop);
	(void)uv_timer_start(&timer->handle, timer_fired, wait > 0 ? (uint64_t)wait : 0, 0);
}
