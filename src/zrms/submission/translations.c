#include "zrms/submission/translations.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/state_machine.h"

enum {
	COST_CLASSES = 3,
	KNOWN_MAX = 2000,
	REFUSALS_MAX = 1000,
	REFUSAL_MS = 3600 * 1000,
	LATE_MS = 60 * 1000
};
/* What gcc translates in a second, about. */
#define CODE_BYTES_PER_SECOND 32768u

struct asker {
	translation_done_fn *done;
	void *user;
};

/*
 *   (new) ──► queued ──► starting ──► running ◄──► continuing ──► digesting ──► (end)
 *                            └── found in the cache ───────────────────▲
 *
 * A job ends from every state, with its native code or an error.
 */
enum job_state { JOB_QUEUED, JOB_STARTING, JOB_RUNNING, JOB_CONTINUING, JOB_DIGESTING };

struct translation_job {
	UT_hash_handle hh; /* in insertion order: the queue */
	char digest[65];   /* of the module */
	struct translations *translations;
	uint8_t state; /* enum job_state */
	uint8_t cost_class;
	uint64_t turn; /* the lowest is begun first */
	bool is_late;  /* it was ended for its time, not by what the programs said */
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

/* A module that was refused, in the order of the refusals. */
struct refusal {
	UT_hash_handle hh;
	char digest[65];
	int64_t until_ms;
	struct error *err;
};

struct translations {
	struct loop *loop;
	struct translator *translator;
	unsigned parallel, running;
	unsigned running_of[COST_CLASSES];
	struct refusal *refusals;
	bool stopping;
	struct translation_job *jobs;
	struct known *known;
	uint64_t made_total, refused_total, milliseconds_total;
};

static void describe(const void *object, char *ret_name, size_t size)
{
	(void)snprintf(ret_name, size, "%s", ((const struct translation_job *)object)->digest);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct translation_job *job = object;

	(void)from;
	if ((to == JOB_QUEUED || to == JOB_STARTING) != (job->translation == NULL))
		return "has a translation once its programs run or are not needed";
	if (to != JOB_RUNNING && job->poll != NULL)
		return "watches a program only while it runs";
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(JOB_##state)
static const struct state_machine_state job_states[] = {
	[JOB_QUEUED] = {"queued", TO(STARTING), 0, STATE_MACHINE_INITIAL},
	[JOB_STARTING] = {"starting", TO(RUNNING) | TO(DIGESTING)},
	[JOB_RUNNING] = {"running", TO(CONTINUING)},
	[JOB_CONTINUING] = {"continuing", TO(RUNNING) | TO(DIGESTING)},
	[JOB_DIGESTING] = {"digesting", 0, 0, STATE_MACHINE_FINAL},
};
static const struct state_machine_type job_machine = {
	.name = "translation",
	.states = job_states,
	.count = ARRAY_SIZE(job_states),
	.describe = describe,
	.invariant = invariant,
};

/* The gate. */
static void job_enter(struct translation_job *job, enum job_state state)
{
	state_machine_move(&job_machine, job, &job->state, state);
}

const struct native_code *translations_known(const struct translations *t,
					     const char *module_digest)
{
	struct known *known = NULL;
	HASH_FIND_STR(t->known, module_digest, known);
	/* The cache has a limit: what it dropped is to be made again. */
	if (known == NULL || access(known->native.path, R_OK) < 0)
		return NULL;
	return &known->native;
}

static void known_add(struct translations *t, const struct translation_job *job)
{
	struct known *known = NULL;
	HASH_FIND_STR(t->known, job->digest, known);
	if (known == NULL && HASH_COUNT(t->known) >= KNOWN_MAX)
		known = t->known;
	if (known != NULL) {
		HASH_DEL(t->known, known);
		free(known);
	}
	known = mem_new(struct known);
	memcpy(known->digest, job->digest, sizeof(known->digest));
	known->native = job->native;
	HASH_ADD_STR(t->known, digest, known);
}

/* ---- refusals ---- */

static void refusal_free(struct translations *t, struct refusal *refusal)
{
	HASH_DEL(t->refusals, refusal);
	error_free(refusal->err);
	free(refusal);
}

/* The reason for which a module was refused; NULL: it was not, or long ago. */
static const struct error *refusal_of(struct translations *t, const char *digest)
{
	struct refusal *refusal = NULL;
	HASH_FIND_STR(t->refusals, digest, refusal);
	if (refusal == NULL)
		return NULL;
	if (loop_now(t->loop).mono_ms < refusal->until_ms)
		return refusal->err;
	refusal_free(t, refusal);
	return NULL;
}

/* What is wrong with the module, not with this machine. The oldest refusal makes room. */
static void refusal_remember(struct translations *t, const struct translation_job *job)
{
	enum error_code code = job->err->code;
	struct refusal *refusal = NULL;

	if (code != ERR_INVALID && code != ERR_LIMIT && code != ERR_UNSUPPORTED)
		return;
	HASH_FIND_STR(t->refusals, job->digest, refusal);
	if (refusal != NULL)
		refusal_free(t, refusal);
	else if (HASH_COUNT(t->refusals) >= REFUSALS_MAX)
		refusal_free(t, t->refusals);
	refusal = mem_new(struct refusal);
	memcpy(refusal->digest, job->digest, sizeof(refusal->digest));
	refusal->until_ms = loop_now(t->loop).mono_ms + (job->is_late ? LATE_MS : REFUSAL_MS);
	(void)error_set(&refusal->err, code, "%s", job->err->message);
	HASH_ADD_STR(t->refusals, digest, refusal);
}

/* ---- end of a job ---- */

static void queue_run(struct translations *t);

static void job_end(struct translation_job *job)
{
	struct translations *t = job->translations;
	HASH_DEL(t->jobs, job);
	if (job->state != JOB_QUEUED) {
		t->running--;
		t->running_of[job->cost_class]--;
	}
	int64_t took_ms = loop_now(t->loop).mono_ms - job->began_ms;
	if (job->err == NULL) {
		known_add(t, job);
		t->made_total++;
		t->milliseconds_total += (uint64_t)took_ms;
		log_info("module", "translated", LOG_S("module", job->digest),
			 LOG_S("native", job->native.digest), LOG_MS("took", took_ms));
	} else {
		t->refused_total++;
		refusal_remember(t, job);
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

static void job_refuse_stopping(struct translation_job *job)
{
	if (job->err == NULL)
		(void)error_set(&job->err, ERR_UNAVAILABLE, "zrms is shutting down");
	job_end(job);
}

/* ---- the result's digest ---- */

static void digest_work(uv_work_t *work)
{
	struct translation_job *job = container_of(work, struct translation_job, work);
	(void)!file_digest(job->native.path, job->native.digest, &job->err);
}

static void digest_worked(uv_work_t *work, int status)
{
	(void)status;
	job_end(container_of(work, struct translation_job, work));
}

static void job_digest(struct translation_job *job)
{
	job_enter(job, JOB_DIGESTING);
	(void)snprintf(job->native.path, sizeof(job->native.path), "%s",
		       translation_path(job->translation));
	int r = uv_queue_work(loop_uv(job->translations->loop), &job->work, digest_work,
			      digest_worked);
	INVARIANT(r == 0);
}

/* ---- programs ---- */

static void job_unwatch(struct translation_job *job)
{
	if (job->deadline != NULL)
		loop_timer_at(job->deadline, NEVER_MS);
	if (job->poll == NULL)
		return;
	(void)uv_poll_stop(job->poll);
	uv_close((uv_handle_t *)job->poll, loop_handle_free);
	job->poll = NULL;
}

static void job_watch(struct translation_job *job);

/* The last step reads the result and writes it to the disk. */
static void continue_work(uv_work_t *work)
{
	struct translation_job *job = container_of(work, struct translation_job, work);
	job->code = translation_continue(job->translation, &job->err);
}

static void continue_worked(uv_work_t *work, int status)
{
	(void)status;
	struct translation_job *job = container_of(work, struct translation_job, work);
	if (job->translations->stopping) {
		job_refuse_stopping(job);
	} else if (job->code > 0) {
		job->is_late = false;
		job_enter(job, JOB_RUNNING);
		job_watch(job);
	} else if (job->code == 0) {
		job_digest(job);
	} else {
		job_end(job);
	}
}

static void job_continue(struct translation_job *job)
{
	job_unwatch(job); /* each step has a descriptor of its own */
	job_enter(job, JOB_CONTINUING);
	int r = uv_queue_work(loop_uv(job->translations->loop), &job->work, continue_work,
			      continue_worked);
	INVARIANT(r == 0);
}

static void program_ended(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	job_continue(poll->data);
}

static void program_late(void *user)
{
	struct translation_job *job = user;
	job->is_late = true;
	job_continue(job);
}

static void job_watch(struct translation_job *job)
{
	if (loop_poll_new(job->translations->loop, translation_fd(job->translation), &job->poll,
			  &job->err) < 0) {
		job_end(job);
		return;
	}
	job->poll->data = job;
	(void)uv_poll_start(job->poll, UV_READABLE, program_ended);
	if (job->deadline == NULL)
		job->deadline = loop_timer_new(job->translations->loop, program_late, job);
	loop_timer_at(job->deadline, (int64_t)translation_deadline_ms(job->translation));
}

/* ---- start ---- */

static void start_work(uv_work_t *work)
{
	struct translation_job *job = container_of(work, struct translation_job, work);
	job->code = translation_start(job->translations->translator, job->module, job->size,
				      job->memory_bytes, &job->translation, &job->err);
}

static void start_worked(uv_work_t *work, int status)
{
	(void)status;
	struct translation_job *job = container_of(work, struct translation_job, work);
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
		job_enter(job, JOB_RUNNING);
		job_watch(job);
	}
}

/* ---- the queue ---- */

static uint8_t cost_class(uint32_t code_bytes)
{
	return code_bytes <= 64 * 1024 ? 0 : code_bytes <= 256 * 1024 ? 1 : 2;
}

/* See the header: also beyond `parallel` when only more expensive ones run. */
static bool may_begin(const struct translations *t, const struct translation_job *job)
{
	unsigned not_dearer = 0;

	if (t->running < t->parallel)
		return true;
	for (unsigned i = 0; i <= job->cost_class; i++)
		not_dearer += t->running_of[i];
	return not_dearer == 0;
}

static struct translation_job *queue_next(const struct translations *t)
{
	struct translation_job *job, *next, *first = NULL;
	HASH_ITER (hh, t->jobs, job, next) {
		if (job->state == JOB_QUEUED && may_begin(t, job) &&
		    (first == NULL || job->turn < first->turn))
			first = job;
	}
	return first;
}

static void queue_run(struct translations *t)
{
	struct translation_job *job;
	while (!t->stopping && (job = queue_next(t)) != NULL) {
		job_enter(job, JOB_STARTING);
		job->began_ms = loop_now(t->loop).mono_ms;
		t->running++;
		t->running_of[job->cost_class]++;
		int r = uv_queue_work(loop_uv(t->loop), &job->work, start_work, start_worked);
		INVARIANT(r == 0);
	}
}

static struct translation_job *job_new(struct translations *t,
				       const struct translation_request *request)
{
	struct translation_job *job = mem_new(struct translation_job);
	(void)snprintf(job->digest, sizeof(job->digest), "%s", request->module_digest);
	job->translations = t;
	job->module = request->module;
	job->size = request->size;
	job->memory_bytes = request->memory_bytes;
	job->cost_class = cost_class(request->code_bytes);
	job->began_ms = loop_now(t->loop).mono_ms;
	job->turn =
		request->code_bytes + (uint64_t)job->began_ms * CODE_BYTES_PER_SECOND / 1000;
	state_machine_begin(&job_machine, job, &job->state, JOB_QUEUED);
	HASH_ADD_STR(t->jobs, digest, job);
	return job;
}

void translations_ask(struct translations *t, const struct translation_request *request,
		      translation_done_fn *done, void *user)
{
	const struct error *refused = refusal_of(t, request->module_digest);
	struct translation_job *job = NULL;
	if (refused != NULL) {
		free(request->module);
		done(user, (int)refused->code, refused, NULL);
		return;
	}
	HASH_FIND_STR(t->jobs, request->module_digest, job);
	if (job != NULL) {
		free(request->module);
		vector_push(&job->askers, ((struct asker){done, user}));
		return;
	}
	job = job_new(t, request);
	vector_push(&job->askers, ((struct asker){done, user}));
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
	struct translation_job *job, *next;
	HASH_ITER (hh, t->jobs, job, next) {
		if (job->state == JOB_QUEUED || job->state == JOB_RUNNING) {
			job_unwatch(job);
			job_refuse_stopping(job);
		}
	}
}

bool translations_is_idle(const struct translations *t)
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
	while (t->refusals != NULL)
		refusal_free(t, t->refusals);
	free(t);
}

enum { MADE, REFUSED, TIME };
static const struct metric metrics[] = {
	[MADE] = {"zrms_modules_translated_total", METRIC_COUNTER,
		  "Modules translated or found in the cache."},
	[REFUSED] = {"zrms_modules_refused_total", METRIC_COUNTER,
		     "Modules that could not be translated."},
	[TIME] = {"zrms_modules_translation_seconds_total", METRIC_COUNTER,
		  "Time spent on translations."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct translations *t = part;

	metric_set(to, MADE, t->made_total);
	metric_set(to, REFUSED, t->refused_total);
	metric_set_us(to, TIME, t->milliseconds_total * 1000);
}

const struct metric_source translations_metrics = METRIC_SOURCE(metrics, read_metrics);
