#include "adapter/uv/loop.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/spin.h"

/* Messages that follow each other within BURST_NS make the loop poll for SPIN_NS. */
#define BURST_NS UINT64_C(500000)
#define SPIN_NS	 UINT64_C(100000)

struct uv_state {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_idle_t spin; /* while it runs, the poll does not wait */
	VECTOR(uv_signal_t *) signals;
	uint64_t message_ns, spin_until_ns; /* of loop_busy_poll() */
	bool in_burst;			    /* the last two messages followed each other */
	struct spin spinning;
	uv_poll_t resumed; /* readable after the machine slept, or its clock was set */
	int resumed_fd;
	struct loop_turns turns;
	uint64_t turn_ns,
		waited_ns; /* the turn before had ended then; the loop had waited so long until then */
	uint64_t yielded_ns; /* since then */
};

static struct uv_state *state_of(struct loop *loop)
{
	return loop->implementation;
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &state_of(loop)->uv;
}

void loop_handle_free(uv_handle_t *handle)
{
	free(handle);
}

/* ---- descriptors ---- */

int loop_poll_new(struct loop *loop, int fd, uv_poll_t **ret_poll, struct error **err)
{
	uv_poll_t *poll = mem_new(uv_poll_t);
	int r = uv_poll_init(loop_uv(loop), poll, fd);
	if (r < 0) {
		free(poll);
		return error_set(err, ERR_IO, "cannot watch descriptor %d: %s", fd,
				 uv_strerror(r));
	}
	*ret_poll = poll;
	return 0;
}

/* ---- threads ---- */

enum { POOL_THREADS = 4 }; /* libuv's number, unless UV_THREADPOOL_SIZE says another */

static void *no_work(void *user)
{
	(void)pthread_mutex_lock(user);
	(void)pthread_mutex_unlock(user);
	return NULL;
}

/* As many threads at once as libuv will want. */
static int threads_try(unsigned count, struct error **err)
{
	pthread_mutex_t start = PTHREAD_MUTEX_INITIALIZER;
	pthread_t *threads = mem_new_array(pthread_t, count);
	unsigned made = 0;
	int r = 0;
	(void)pthread_mutex_lock(&start);
	while (made < count && r == 0) {
		r = pthread_create(&threads[made], NULL, no_work, &start);
		made += r == 0;
	}
	(void)pthread_mutex_unlock(&start);
	for (unsigned i = 0; i < made; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&start);
	free(threads);
	if (r != 0)
		return error_set(err, ERR_IO, "cannot make %u threads: %s", count, strerror(r));
	return 0;
}

static void worked(uv_work_t *work)
{
	(void)work;
}

static void work_ended(uv_work_t *work, int status)
{
	(void)status;
	free(work);
}

int loop_start_threads(struct loop *loop, struct error **err)
{
	const char *wanted = getenv("UV_THREADPOOL_SIZE");
	long count = wanted != NULL ? strtol(wanted, NULL, 10) : POOL_THREADS;
	count = count < 1 ? 1 : count > 1024 ? 1024 : count;
	int r = threads_try((unsigned)count, err);
	if (r < 0)
		return r;
	uv_work_t *work = mem_new(uv_work_t);
	int result = uv_queue_work(loop_uv(loop), work, worked, work_ended);
	if (result == 0)
		return 0;
	free(work);
	return error_set(err, ERR_IO, "cannot make threads: %s", uv_strerror(result));
}

/* ---- before the poll ---- */

static bool spins(const struct uv_state *s)
{
	uint64_t now = s->spin_until_ns != 0 ? uv_hrtime() : 0;
	return now < s->spin_until_ns && spin_may(&s->spinning, now);
}

/* Not when it is only work that waits. */
static void spin(uv_idle_t *idle)
{
	struct uv_state *s = container_of(idle, struct uv_state, spin);
	if (!spins(s))
		return;
	uint64_t before = uv_hrtime();
	(void)sched_yield();
	uint64_t after = uv_hrtime();
	s->yielded_ns += after - before;
	spin_yielded(&s->spinning, before, after);
}

static void busy_poll(struct loop *loop)
{
	struct uv_state *s = state_of(loop);
	uint64_t now = uv_hrtime();
	if (s->in_burst)
		spin_waited(&s->spinning, now - s->message_ns);
	s->in_burst = now - s->message_ns < BURST_NS;
	if (s->in_burst)
		s->spin_until_ns = now + SPIN_NS;
	s->message_ns = now;
}

/* What comes before the first wait is the start of the program. */
static void end_turn(struct uv_state *s)
{
	uint64_t now = uv_hrtime(), waited = uv_metrics_idle_time(&s->uv);
	uint64_t passed = now - s->turn_ns, idle = waited - s->waited_ns + s->yielded_ns;
	uint64_t us = passed > idle ? (passed - idle) / 1000 : 0;
	if (s->turn_ns != 0) {
		histogram_add(&s->turns.times, (int64_t)us);
		if (us > s->turns.longest_us)
			s->turns.longest_us = us;
	}
	s->turn_ns = now;
	s->waited_ns = waited;
	s->yielded_ns = 0;
}

const struct loop_turns *loop_turns(struct loop *loop)
{
	return &state_of(loop)->turns;
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	struct uv_state *s = state_of(loop);
	bool more = loop_work_run(loop);
	end_turn(s);
	if (more || spins(s))
		(void)uv_idle_start(&s->spin, spin);
	else
		(void)uv_idle_stop(&s->spin);
}

/* ---- time ---- */

struct instant clock_now(void)
{
	struct timespec wall, boot;
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct instant){
		.mono_ms = (int64_t)boot.tv_sec * 1000 + (int64_t)boot.tv_nsec / 1000000,
		.wall_ms = (int64_t)wall.tv_sec * 1000 + (int64_t)wall.tv_nsec / 1000000,
	};
}

static struct instant now(struct loop *loop)
{
	(void)loop;
	return clock_now();
}

static int64_t mono_us(struct loop *loop)
{
	struct timespec boot;
	(void)loop;
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return (int64_t)boot.tv_sec * 1000000 + (int64_t)boot.tv_nsec / 1000;
}

struct uv_timer {
	uv_timer_t handle; /* first: freed as it; on the heap, because libuv closes late */
	struct loop_timer timer;
	void (*fn)(void *user);
	void *user;
	int64_t due_ms;
};

static struct uv_timer *timer_of(struct loop_timer *timer)
{
	return container_of(timer, struct uv_timer, timer);
}

static struct loop_timer *timer_new(struct loop *loop, void (*fn)(void *user), void *user)
{
	struct uv_timer *t = mem_new(struct uv_timer);
	t->timer.loop = loop;
	t->fn = fn;
	t->user = user;
	t->due_ms = NEVER_MS;
	(void)uv_timer_init(loop_uv(loop), &t->handle);
	return &t->timer;
}

static void timer_free(struct loop_timer *timer)
{
	uv_close((uv_handle_t *)&timer_of(timer)->handle, loop_handle_free);
}

static void on_timer(uv_timer_t *handle);

/* libuv's own time stands still while the machine sleeps. */
static void timer_wait(struct uv_timer *t)
{
	int64_t wait = t->due_ms - clock_now().mono_ms;
	uv_update_time(t->handle.loop);
	(void)uv_timer_start(&t->handle, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void on_timer(uv_timer_t *handle)
{
	struct uv_timer *t = container_of(handle, struct uv_timer, handle);
	if (clock_now().mono_ms < t->due_ms) { /* the two clocks round differently */
		timer_wait(t);
		return;
	}
	t->due_ms = NEVER_MS;
	t->fn(t->user);
}

static void timer_at(struct loop_timer *timer, int64_t mono_ms)
{
	struct uv_timer *t = timer_of(timer);
	if (mono_ms == t->due_ms)
		return;
	t->due_ms = mono_ms;
	if (mono_ms == NEVER_MS) {
		(void)uv_timer_stop(&t->handle);
		return;
	}
	timer_wait(t);
}

/* ---- sleep of the machine ---- */

static void wait_again(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (uv_handle_get_type(handle) == UV_TIMER && uv_is_active(handle))
		timer_wait(container_of((uv_timer_t *)handle, struct uv_timer, handle));
}

/* A timer far away on the wall clock, which is cancelled when that clock jumps: also when the machine
 * wakes. */
static void watch_resume(int fd)
{
	const struct itimerspec far = {.it_value = {.tv_sec = (time_t)1 << 33}};
	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_resumed(uv_poll_t *handle, int status, int events)
{
	struct uv_state *s = container_of(handle, struct uv_state, resumed);
	uint64_t expirations = 0;
	(void)status;
	(void)events;
	(void)read(s->resumed_fd, &expirations, sizeof(expirations)); /* ECANCELED */
	watch_resume(s->resumed_fd);
	uv_walk(&s->uv, wait_again, NULL);
}

static int resume_init(struct uv_state *s, struct error **err)
{
	s->resumed_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->resumed_fd < 0)
		return error_errno(err, "cannot make a timer");
	watch_resume(s->resumed_fd);
	int r = uv_poll_init(&s->uv, &s->resumed, s->resumed_fd);
	if (r < 0) { /* nothing of the handle is left in the loop */
		closep(&s->resumed_fd);
		return error_set(err, ERR_IO, "cannot watch a timer: %s", uv_strerror(r));
	}
	(void)uv_poll_start(&s->resumed, UV_READABLE, on_resumed);
	uv_unref((uv_handle_t *)&s->resumed);
	return 0;
}

/* ---- threads ---- */

struct uv_job {
	uv_work_t work;
	struct loop_job *job;
};

static void job_run(uv_work_t *work)
{
	struct loop_job *job = container_of(work, struct uv_job, work)->job;
	job->run(job);
}

static void job_done(uv_work_t *work, int status)
{
	struct uv_job *u = container_of(work, struct uv_job, work);
	struct loop_job *job = u->job;
	(void)status; /* nothing is cancelled */
	free(u);
	loop_job_done(job);
}

static void run_in_thread(struct loop *loop, struct loop_job *job)
{
	struct uv_job *u = mem_new(struct uv_job);
	u->job = job;
	int r = uv_queue_work(loop_uv(loop), &u->work, job_run, job_done);
	INVARIANT(r == 0);
}

/* ---- life ---- */

static const struct loop_ops uv_ops = {
	.now = now,
	.mono_us = mono_us,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_at = timer_at,
	.busy_poll = busy_poll,
	.run_in_thread = run_in_thread,
};

int loop_init(struct loop *loop, struct error **err)
{
	struct uv_state *s = mem_new(struct uv_state);
	int r = uv_loop_init(&s->uv);
	if (r < 0) {
		free(s);
		return error_set(err, ERR_IO, "cannot make an event loop: %s", uv_strerror(r));
	}
	r = uv_loop_configure(&s->uv, UV_METRICS_IDLE_TIME);
	INVARIANT(r == 0);
	r = resume_init(s, err);
	if (r < 0) {
		(void)uv_loop_close(&s->uv);
		free(s);
		return r;
	}
	loop_work_init(loop, &uv_ops, s);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)uv_prepare_init(&s->uv, &s->prepare);
	s->prepare.data = loop;
	(void)uv_prepare_start(&s->prepare, on_prepare);
	(void)uv_idle_init(&s->uv, &s->spin);
	return 0;
}

void loop_done(struct loop *loop)
{
	struct uv_state *s = state_of(loop);
	vector_for_each (&s->signals, handle)
		uv_close((uv_handle_t *)*handle, loop_handle_free);
	uv_close((uv_handle_t *)&s->prepare, NULL);
	uv_close((uv_handle_t *)&s->spin, NULL);
	(void)uv_poll_stop(&s->resumed);
	uv_close((uv_handle_t *)&s->resumed, NULL);
	(void)uv_run(&s->uv, UV_RUN_DEFAULT);
	int r = uv_loop_close(&s->uv);
	INVARIANT(r == 0);
	(void)close(s->resumed_fd);
	vector_done(&s->signals);
	free(s);
	loop_work_done(loop);
}

void loop_run(struct loop *loop)
{
	(void)uv_run(loop_uv(loop), UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(loop_uv(loop));
}

/* ---- signals ---- */

struct loop_signal {
	uv_signal_t handle; /* first: freed as it */
	loop_signal_fn *fn;
	void *user;
};

static void on_signal(uv_signal_t *handle, int signum)
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
	int r = uv_signal_init(loop_uv(loop), &s->handle);
	if (r < 0) {
		free(s);
		return error_set(err, ERR_IO, "cannot catch signal %d: %s", signum,
				 uv_strerror(r));
	}
	vector_push(&state_of(loop)->signals, &s->handle);
	r = uv_signal_start(&s->handle, on_signal, signum);
	if (r < 0)
		return error_set(err, ERR_IO, "cannot catch signal %d: %s", signum,
				 uv_strerror(r));
	return 0;
}
