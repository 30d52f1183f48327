#include "zhost/artifact/placing.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"

struct placing {
	struct artifact_writer *writer; /* the thread's */
	placing_done_fn *done;		/* NULL: it was cancelled */
	void *user;
	struct loop_job job;
	struct error *err;
};

/* In a worker thread. */
static void place(struct loop_job *job)
{
	struct placing *p = container_of(job, struct placing, job);
	int r = artifact_finish(p->writer, &p->err);
	POST(r == 0 || p->err != NULL);
}

static void on_placed(struct loop_job *job)
{
	struct placing *p = container_of(job, struct placing, job);
	if (p->done != NULL)
		p->done(p->user, steal_ptr(&p->err));
	error_free(p->err);
	free(p);
}

struct placing *placing_new(struct loop *loop, struct artifact_writer *take_writer,
			    placing_done_fn *done, void *user)
{
	struct placing *p = mem_new(struct placing);
	p->writer = take_writer;
	p->done = done;
	p->user = user;
	p->job = (struct loop_job){.run = place, .done = on_placed};
	loop_run_in_thread(loop, &p->job);
	return p;
}

void placing_cancel(struct placing *p)
{
	if (p != NULL)
		p->done = NULL;
}
