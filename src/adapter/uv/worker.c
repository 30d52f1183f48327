#include "adapter/uv/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/heap.h"

enum { IDLE_MS = 50 };

struct worker {
	struct loop *loop;
	const struct worker_ops *ops;
	void *owner;
	pthread_t thread;
	uv_async_t async;
	size_t waiting; /* loop's thread only */
	void (*closed)(void *user);
	void *closed_user;

	pthread_mutex_t lock; /* never held while ops->run() works */
	pthread_cond_t wake;
	struct worker_job *queue, **queue_end;
	struct worker_job *finished, **finished_end;
	bool closing;
};

/* Waits for jobs; true: idle time passed without one. */
static bool queue_wait(struct worker *worker, bool idle_done)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += IDLE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	int r = 0;
	while (worker->queue == NULL && !worker->closing && r != ETIMEDOUT)
		r = idle_done ? pthread_cond_wait(&worker->wake, &worker->lock)
			      : pthread_cond_timedwait(&worker->wake, &worker->lock, &until);
	return worker->queue == NULL && !worker->closing;
}

static void jobs_finish(struct worker *worker, struct worker_job *jobs)
{
	*worker->finished_end = jobs;
	while (*worker->finished_end != NULL)
		worker->finished_end = &(*worker->finished_end)->next;
	(void)uv_async_send(&worker->async);
}

static void *worker_main(void *user)
{
	struct worker *worker = user;
	bool idle_done = true; /* until the first job, who made it may use what it owns */
	(void)pthread_mutex_lock(&worker->lock);
	while (worker->queue != NULL || !worker->closing) {
		bool idle = queue_wait(worker, idle_done);
		struct worker_job *jobs = worker->queue;
		worker->queue = NULL;
		worker->queue_end = &worker->queue;
		(void)pthread_mutex_unlock(&worker->lock);
		if (idle && worker->ops->idle != NULL)
			worker->ops->idle(worker->owner);
		if (jobs != NULL)
			worker->ops->run(worker->owner, &jobs);
		idle_done = idle;
		(void)pthread_mutex_lock(&worker->lock);
		if (jobs != NULL)
			jobs_finish(worker, jobs);
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* Moves those that may from `*from` to the end of a list; returns the new end of what is left. */
static struct worker_job **list_split(struct worker_job **from, struct worker_job ***to,
				      bool (*may)(const struct worker_job *job))
{
	while (*from != NULL) {
		struct worker_job *job = *from;
		if (!may(job)) {
			from = &job->next;
			continue;
		}
		*from = job->next;
		job->next = NULL;
		**to = job;
		*to = &job->next;
	}
	return from;
}

struct worker_job *worker_split(struct worker *worker, struct worker_job **jobs,
				bool (*may)(const struct worker_job *job))
{
	struct worker_job *taken = NULL, **end = &taken;
	(void)list_split(jobs, &end, may);
	(void)pthread_mutex_lock(&worker->lock);
	worker->queue_end = list_split(&worker->queue, &end, may);
	(void)pthread_mutex_unlock(&worker->lock);
	return taken;
}

void worker_answer(struct worker *worker, struct worker_job *jobs)
{
	if (jobs == NULL)
		return;
	(void)pthread_mutex_lock(&worker->lock);
	jobs_finish(worker, jobs);
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_wake_loop(struct worker *worker)
{
	(void)uv_async_send(&worker->async);
}

static void worker_free(uv_handle_t *handle)
{
	struct worker *worker = handle->data;
	void (*closed)(void *) = worker->closed;
	void *user = worker->closed_user;
	(void)pthread_cond_destroy(&worker->wake);
	(void)pthread_mutex_destroy(&worker->lock);
	free(worker);
	closed(user);
}

static void worker_end_if_done(struct worker *worker)
{
	if (worker->closed == NULL || worker->waiting > 0 ||
	    uv_is_closing((uv_handle_t *)&worker->async))
		return;
	(void)pthread_join(worker->thread, NULL);
	uv_close((uv_handle_t *)&worker->async, worker_free);
}

static void jobs_deliver(uv_async_t *async)
{
	struct worker *worker = async->data;
	(void)pthread_mutex_lock(&worker->lock);
	struct worker_job *jobs = worker->finished;
	worker->finished = NULL;
	worker->finished_end = &worker->finished;
	(void)pthread_mutex_unlock(&worker->lock);
	while (jobs != NULL) {
		struct worker_job *job = jobs;
		jobs = job->next;
		worker->waiting--;
		worker->ops->done(worker->owner, job);
	}
	worker_end_if_done(worker);
}

void worker_add(struct worker *worker, struct worker_job *job)
{
	PRE(worker->closed == NULL);
	job->next = NULL;
	job->added_ns = uv_hrtime();
	worker->waiting++;
	(void)pthread_mutex_lock(&worker->lock);
	*worker->queue_end = job;
	worker->queue_end = &job->next;
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
}

size_t worker_waiting(const struct worker *worker)
{
	return worker->waiting;
}

static void locks_init(struct worker *worker)
{
	pthread_condattr_t attributes;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&worker->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&worker->lock, NULL);
}

static int thread_start(struct worker *worker)
{
	/* Signals are the loop's business. */
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&worker->thread, NULL, worker_main, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void not_used(void *user)
{
	(void)user;
}

int worker_new(struct loop *loop, const char *name, const struct worker_ops *ops, void *owner,
	       struct worker **ret_worker, struct error **err)
{
	struct worker *worker = mem_new(struct worker);
	worker->loop = loop;
	worker->ops = ops;
	worker->owner = owner;
	worker->queue_end = &worker->queue;
	worker->finished_end = &worker->finished;
	int r = uv_async_init(loop_uv(loop), &worker->async, jobs_deliver);
	if (r < 0) {
		free(worker);
		return error_set(err, ERR_IO, "cannot start the thread '%s': %s", name,
				 uv_strerror(r));
	}
	worker->async.data = worker;
	locks_init(worker);
	r = thread_start(worker);
	if (r != 0) {
		worker->closed = not_used;
		uv_close((uv_handle_t *)&worker->async, worker_free);
		return error_set(err, ERR_IO, "cannot start the thread '%s': %s", name,
				 strerror(r));
	}
	(void)pthread_setname_np(worker->thread, name);
	*ret_worker = worker;
	return 0;
}

void worker_close(struct worker *worker, void (*closed)(void *user), void *user)
{
	worker->closed = closed;
	worker->closed_user = user;
	(void)pthread_mutex_lock(&worker->lock);
	worker->closing = true;
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
	worker_end_if_done(worker);
}
