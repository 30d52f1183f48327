#include "zhost/artifact/placing.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"

struct placing {
	struct artifact_writer *writer; /* the thread's */
	placing_done_fn *done;		/* NULL: it was cancelled */
	void *user;
	uv_work_t work;
	struct error *err;
};

/* In a worker thread. */
static void place(uv_work_t *work)
{
	struct placing *p = container_of(work, struct placing, work);
	int r = artifact_finish(p->writer, &p->err);
	POST(r == 0 || p->err != NULL);
}

static void on_placed(uv_work_t *work, int status)
{
	struct placing *p = container_of(work, struct placing, work);
	(void)status; /* such work is never cancelled */
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
	int r = uv_queue_work(loop_uv(loop), &p->work, place, on_placed);
	INVARIANT(r == 0);
	return p;
}

void placing_cancel(struct placing *p)
{
	if (p != NULL)
		p->done = NULL;
}
