#include "port/loop.h"

/* Rounds of hooks per turn: what is left after them waits until sockets had their turn too. */
enum { ROUNDS_PER_TURN = 4 };

void loop_work_init(struct loop *loop, const struct loop_ops *ops, void *implementation)
{
	*loop = (struct loop){.ops = ops, .implementation = implementation};
	loop->tasks_end = &loop->tasks;
	loop->jobs_end = &loop->jobs;
	loop->scratch = mem_calloc(1, LOOP_SCRATCH_BYTES);
}

void loop_work_done(struct loop *loop)
{
	free(loop->scratch);
	vector_done(&loop->hooks);
}

/* ---- hooks ---- */

void loop_before_poll(struct loop *loop, loop_hook_fn *fn, void *user)
{
	vector_push(&loop->hooks, ((struct loop_hook){.fn = fn, .user = user}));
}

void loop_before_poll_remove(struct loop *loop, loop_hook_fn *fn, void *user)
{
	/* Only marked: the vector may be under iteration. */
	vector_for_each (&loop->hooks, hook)
		if (hook->fn == fn && hook->user == user)
			hook->fn = NULL;
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

static void hooks_sweep(struct loop *loop)
{
	for (size_t i = loop->hooks.count; i-- > 0;)
		if (loop->hooks.items[i].fn == NULL)
			vector_remove_at(&loop->hooks, i);
}

/* ---- tasks ---- */

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

/* ---- jobs ---- */

static void job_begin(struct loop *loop, struct loop_job *job)
{
	loop->jobs_running++;
	loop->ops->run_in_thread(loop, job);
}

void loop_run_in_thread(struct loop *loop, struct loop_job *job)
{
	job->loop = loop;
	job->next = NULL;
	if (loop->jobs_running < LOOP_JOBS_AT_ONCE) {
		job_begin(loop, job);
		return;
	}
	*loop->jobs_end = job;
	loop->jobs_end = &job->next;
}

void loop_job_done(struct loop_job *job)
{
	struct loop *loop = job->loop;
	struct loop_job *next = loop->jobs;
	loop->jobs_running--;
	if (next != NULL) {
		loop->jobs = next->next;
		if (loop->jobs == NULL)
			loop->jobs_end = &loop->jobs;
		job_begin(loop, next);
	}
	job->done(job);
}

bool loop_work_run(struct loop *loop)
{
	bool worked = true;
	for (unsigned round = 0; worked && round < ROUNDS_PER_TURN; round++)
		worked = (int)hooks_run(loop) | (int)tasks_run(loop);
	hooks_sweep(loop);
	return worked;
}
