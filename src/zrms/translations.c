#include "zrms/translations.h"

#include <stdio.h>
#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/heap.h"
#include "zrms/artifacts.h"

struct asker {
	translation_done_fn *done;
	void *user;
};

enum job_state { JOB_QUEUED, JOB_STARTING, JOB_RUNNING, JOB_DIGESTING };

struct job {
	UT_hash_handle hh; /* in insertion order: the queue */
	char digest[65];   /* of the module */
	struct translations *translations;
	enum job_state state;
	uint8_t *module;
	size_t size;
	uint64_t memory_bytes;
	VECTOR(struct asker) askers;
	struct translation *translation;
	uv_work_t work;
	uv_poll_t *poll; /* on the current program */
	struct loop_timer *deadline;
	int64_t began_ms;
	/* result */
	int code; /* 1: programs run; 0: done */
	struct error *err;
	struct native_code native;
};

struct known {
	UT_hash_handle hh;
	char digest[65];
	struct native_code native;
};

struct translations {
	struct loop *loop;
	struct translator *translator;
	unsigned parallel, running;
	bool stopping;
	struct job *jobs;
	struct known *known;
	uint64_t made_total, refused_total, milliseconds_total;
};

const struct native_code *translations_known(const struct translations *t,
					     const char *module_digest)
{
	struct known *known = NULL;
	HASH_FIND_STR(t->known, module_digest, known);
	return known != NULL ? &known->native : NULL;
}

static void known_add(struct translations *t, const struct job *job)
{
	struct known *known = mem_new(struct known);
	memcpy(known->digest, job->digest, sizeof known->digest);
	known->native = job->native;
	HASH_ADD_STR(t->known, digest, known);
}

/* ---- end of a job ---- */

static void queue_run(struct translations *t);

static void job_end(struct job *job)
{
	struct translations *t = job->translations;
	HASH_DEL(t->jobs, job);
	if (job->state != JOB_QUEUED)
		t->running--;
	int64_t took_ms = loop_now(t->loop).mono_ms - job->began_ms;
	if (job->err == NULL) {
		known_add(t, job);
		t->made_total++;
		t->milliseconds_total += (uint64_t)took_ms;
		log_info("module", "translated", LOG_S("module", job->digest),
			 LOG_S("native", job->native.digest), LOG_MS("took", took_ms));
	} else {
		t->refused_total++;
		log_warn("module", "refused", LOG_S("module", job->digest), LOG_E(job->err));
	}
	for (size_t i = 0; i < job->askers.count; i++)
		job->askers.items[i].done(job->askers.items[i].user,
					  job->err != NULL ? (int)job->err->code : 0, job->err,
					  job->err == NULL ? &job->native : NULL);
	translation_free(job->translation);
	loop_timer_free(job->deadline);
	vector_done(&job->askers);
	error_free(job->err);
	free(job->module);
	free(job);
	queue_run(t);
}

static void job_refuse_stopping(struct job *job)
{
	if (job->err == NULL)
		(void)error_set(&job->err, ERR_UNAVAILABLE, "zrms is shutting down");
	job_end(job);
}

/* ---- the result's digest ---- */

static void digest_work(uv_work_t *work)
{
	struct job *job = container_of(work, struct job, work);
	(void)!file_digest(job->native.path, job->native.digest, &job->err);
}

static void digest_worked(uv_work_t *work, int status)
{
	(void)status;
	job_end(container_of(work, struct job, work));
}

static void job_digest(struct job *job)
{
	job->state = JOB_DIGESTING;
	(void)snprintf(job->native.path, sizeof job->native.path, "%s",
		       translation_path(job->translation));
	int r = uv_queue_work(loop_uv(job->translations->loop), &job->work, digest_work,
			      digest_worked);
	INVARIANT(r == 0);
}

/* ---- programs ---- */

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void job_unwatch(struct job *job)
{
	if (job->poll == NULL)
		return;
	(void)uv_poll_stop(job->poll);
	uv_close((uv_handle_t *)job->poll, poll_closed);
	job->poll = NULL;
}

static void job_watch(struct job *job);

static void job_continue(struct job *job)
{
	job_unwatch(job); /* the descriptor is another one behind each step */
	int r = translation_continue(job->translation, &job->err);
	if (r > 0)
		job_watch(job);
	else if (r == 0)
		job_digest(job);
	else
		job_end(job);
}

static void program_ended(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	job_continue(poll->data);
}

static void program_late(void *user)
{
	job_continue(user);
}

static void job_watch(struct job *job)
{
	job->poll = mem_new(uv_poll_t);
	job->poll->data = job;
	int r = uv_poll_init(loop_uv(job->translations->loop), job->poll,
			     translation_fd(job->translation));
	INVARIANT(r == 0);
	(void)uv_poll_start(job->poll, UV_READABLE, program_ended);
	if (job->deadline == NULL)
		job->deadline = loop_timer_new(job->translations->loop, program_late, job);
	loop_timer_at(job->deadline, (int64_t)translation_deadline_ms(job->translation));
}

/* ---- start ---- */

static void start_work(uv_work_t *work)
{
	struct job *job = container_of(work, struct job, work);
	job->code = translation_start(job->translations->translator, job->module, job->size,
				      job->memory_bytes, &job->translation, &job->err);
}

static void start_worked(uv_work_t *work, int status)
{
	(void)status;
	struct job *job = container_of(work, struct job, work);
	free(job->module);
	job->module = NULL;
	if (job->translations->stopping) {
		job_refuse_stopping(job);
		return;
	}
	if (job->code < 0) {
		job_end(job);
	} else if (job->code == 0) {
		job_digest(job);
	} else {
		job->state = JOB_RUNNING;
		job_watch(job);
	}
}

static void queue_run(struct translations *t)
{
	struct job *job, *next;
	HASH_ITER (hh, t->jobs, job, next) {
		if (t->running >= t->parallel || t->stopping)
			return;
		if (job->state != JOB_QUEUED)
			continue;
		job->state = JOB_STARTING;
		job->began_ms = loop_now(t->loop).mono_ms;
		t->running++;
		int r = uv_queue_work(loop_uv(t->loop), &job->work, start_work, start_worked);
		INVARIANT(r == 0);
	}
}

void translations_ask(struct translations *t, const char *module_digest, uint8_t *module,
		      size_t size, uint64_t memory_bytes, translation_done_fn *done, void *user)
{
	struct job *job = NULL;
	HASH_FIND_STR(t->jobs, module_digest, job);
	if (job != NULL) {
		free(module);
		vector_push(&job->askers, ((struct asker){done, user}));
		return;
	}
	job = mem_new(struct job);
	(void)snprintf(job->digest, sizeof job->digest, "%s", module_digest);
	job->translations = t;
	job->module = module;
	job->size = size;
	job->memory_bytes = memory_bytes;
	job->began_ms = loop_now(t->loop).mono_ms;
	vector_push(&job->askers, ((struct asker){done, user}));
	HASH_ADD_STR(t->jobs, digest, job);
	if (t->stopping)
		job_refuse_stopping(job);
	else
		queue_run(t);
}

/* ---- life ---- */

struct translations *translations_new(struct loop *loop, struct translator *translator,
				      unsigned parallel)
{
	struct translations *t = mem_new(struct translations);
	t->loop = loop;
	t->translator = translator;
	t->parallel = parallel;
	return t;
}

void translations_stop(struct translations *t)
{
	t->stopping = true;
	struct job *job, *next;
	HASH_ITER (hh, t->jobs, job, next) {
		if (job->state == JOB_QUEUED || job->state == JOB_RUNNING) {
			job_unwatch(job);
			job_refuse_stopping(job);
		}
	}
}

bool translations_is_quiet(const struct translations *t)
{
	return t->jobs == NULL;
}

void translations_free(struct translations *t)
{
	if (t == NULL)
		return;
	PRE(t->jobs == NULL);
	struct known *known, *next;
	HASH_ITER (hh, t->known, known, next) {
		HASH_DEL(t->known, known);
		free(known);
	}
	free(t);
}

void translations_metrics(const struct translations *t, struct buffer *out)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} all[] = {
		{"modules_translated_total", "Modules translated or found in the cache",
		 t->made_total},
		{"modules_refused_total", "Modules that could not be translated",
		 t->refused_total},
		{"modules_translation_milliseconds_total", "Time spent translating",
		 t->milliseconds_total},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)buffer_printf(
			out, "# HELP zrms_%s %s.\n# TYPE zrms_%s counter\nzrms_%s %llu\n",
			all[i].name, all[i].help, all[i].name, all[i].name,
			(unsigned long long)all[i].value);
}
