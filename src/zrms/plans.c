#include "zrms/plans.h"

#include <stdlib.h>

#include "adapter/snapshot/snapshot.h"
#include "adapter/uv/loop.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/zrms.h"

/* At the same time: each has a copy of the whole state. */
enum { PLANS_MAX = 2 };

struct plans {
	struct zrms *zrms; /* borrowed */
	unsigned running, choosing;
};

struct plan_job {
	uv_work_t work;
	struct plans *plans;
	struct http_request *request;
	struct snapshot snapshot; /* of the core: a Checkpoint */
	struct plan_request of;	  /* what it points to is the job's */
	Samoza__V1__RevisionRecord *record;
	struct principal *principal;
	char *actor, *zhost, *kept;
	char **include;	       /* include_count of the request */
	plans_chosen_fn *then; /* NULL: it is a plan */
	Samoza__V1__RebalanceRecord *chosen;
	Samoza__V1__PlanView *view;
	struct error *err;
};

struct plans *plans_new(struct zrms *zrms)
{
	struct plans *p = mem_new(struct plans);
	p->zrms = zrms;
	return p;
}

void plans_free(struct plans *p)
{
	if (p == NULL)
		return;
	INVARIANT(plans_are_idle(p));
	free(p);
}

bool plans_are_idle(const struct plans *p)
{
	return p->running == 0 && p->choosing == 0;
}

static void job_free(struct plan_job *job)
{
	schema_message_free(job->record != NULL ? &job->record->base : NULL);
	schema_message_free(job->chosen != NULL ? &job->chosen->base : NULL);
	schema_message_free(job->view != NULL ? &job->view->base : NULL);
	error_free(job->err);
	access_principal_free(job->principal);
	free(job->actor);
	free(job->zhost);
	free(job->kept);
	for (size_t k = 0; k < job->of.include_count; k++)
		free(job->include[k]);
	free(job->include);
	free(job);
}

static void run(uv_work_t *work)
{
	struct plan_job *job = container_of(work, struct plan_job, work);
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	CLEANUP(buffer_done) struct buffer bytes = {0};
	ProtobufCMessage *read = NULL;
	int r = snapshot_read(&job->snapshot, &bytes, &job->err);
	if (r >= 0)
		r = schema_message_unpack(&samoza__v1__checkpoint__descriptor, bytes.data,
					  bytes.size, &read, &job->err);
	const Samoza__V1__Checkpoint *checkpoint = (const Samoza__V1__Checkpoint *)read;
	if (r >= 0 && job->then != NULL)
		(void)!plan_choose(checkpoint, &job->of, &job->chosen, &job->err);
	else if (r >= 0)
		(void)!plan_make(checkpoint, &job->of, &limits, &job->view, &job->err);
	schema_message_free(read);
}

static void on_done(uv_work_t *work, int status)
{
	struct plan_job *job = container_of(work, struct plan_job, work);
	(void)status;
	*(job->then != NULL ? &job->plans->choosing : &job->plans->running) -= 1;
	if (job->err != NULL)
		api_refuse(job->request, steal_ptr(&job->err));
	else if (job->then != NULL)
		job->then(job->plans->zrms, job->request, job->chosen);
	else if (!api_refuse_while_failing(job->plans->zrms, job->request))
		api_send_view_durable(job->request, 200, &job->view->base);
	job_free(job);
}

static struct plan_job *job_new(struct plans *p, struct http_request *request,
				const struct plan_request *of)
{
	struct plan_job *job = mem_new(struct plan_job);
	job->plans = p;
	job->request = request;
	job->of = *of;
	job->of.principal = job->principal = access_principal_copy(access_principal(request));
	job->of.actor = job->actor = mem_strdup(job->principal->name);
	job->of.zhost = job->zhost = mem_strdup(of->zhost);
	job->of.kept = job->kept = mem_strdup(of->kept);
	job->of.include = job->include = mem_new_array(char *, of->include_count + 1);
	for (size_t k = 0; k < of->include_count; k++)
		job->include[k] = mem_strdup(of->include[k]);
	if (of->record != NULL)
		job->of.record = job->record =
			(Samoza__V1__RevisionRecord *)schema_message_copy(&of->record->base);
	return job;
}

/* In a child of this process: the loop goes on. */
static int write_checkpoint(void *user, struct buffer *to, struct error **err)
{
	struct zrms *zrms = user;
	Samoza__V1__Checkpoint *now = checkpoint_new(zrms->control, loop_now(&zrms->loop));
	int r = schema_message_pack(&now->base, to, err);
	schema_message_free(&now->base);
	return r;
}

static void begin(struct plan_job *job)
{
	struct zrms *zrms = job->plans->zrms;
	commit_driver_turn(zrms->commits);
	snapshot_take(write_checkpoint, zrms, &job->snapshot);
	*(job->then != NULL ? &job->plans->choosing : &job->plans->running) += 1;
	int r = uv_queue_work(loop_uv(&zrms->loop), &job->work, run, on_done);
	INVARIANT(r == 0);
}

void plans_make(struct plans *p, struct http_request *request, const struct plan_request *of)
{
	struct error *err = NULL;
	access_only_reads(request);
	if (p->running >= PLANS_MAX) {
		(void)error_set(&err, ERR_UNAVAILABLE,
				"%u plans are being made; try again in a moment", p->running);
		api_refuse(request, err);
		return;
	}
	begin(job_new(p, request, of));
}

void plans_choose(struct plans *p, struct http_request *request, const struct plan_request *of,
		  plans_chosen_fn *then)
{
	struct error *err = NULL;
	if (p->choosing > 0) {
		(void)error_set(&err, ERR_CONFLICT,
				"the moves of another rebalance are being chosen");
		api_refuse(request, err);
		return;
	}
	struct plan_job *job = job_new(p, request, of);
	job->then = then;
	begin(job);
}
