#include "adapter/sqlite/kv.h"

#include "adapter/sqlite/data_table.h"
#include "adapter/sqlite/database.h"
#include "adapter/sqlite/worker.h"
#include "base/check.h"

enum {
	APPLICATION_ID = 0x534d4b56, /* "SMKV" */
	CHECKPOINT_PAGES = 1000,
	CHECKPOINT_PAGES_BUSY = 16384,
};

static const char *const migrations[] = {DATA_TABLE_SQL};

static const struct database_schema schema = {
	.application_id = APPLICATION_ID,
	.migrations = migrations,
	.version = ARRAY_SIZE(migrations),
};

struct kv {
	struct worker *worker;
	struct database db;
	struct data_table data;
	struct error *broken; /* the first failure: nothing is written after it */
	void (*closed)(void *user);
	void *closed_user;
};

struct kv_job {
	struct worker_job base; /* first */
	const struct data_change *changes;
	struct data_answer *answers;
	size_t count;
	char *forget;
	kv_done_fn *done;
	void *user;
	struct error *err;
};

/* ---- in the worker's thread ---- */

static int job_apply(struct kv *kv, struct kv_job *job, struct error **err)
{
	int r = 0;
	if (job->forget != NULL)
		r = data_table_forget(&kv->data, job->forget, err);
	for (size_t i = 0; i < job->count && r == 0; i++)
		r = data_table_apply(&kv->data, &job->changes[i], &job->answers[i], err);
	return r;
}

static bool job_writes(const struct kv_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (data_change_writes(&job->changes[i]))
			return true;
	return job->forget != NULL;
}

static int jobs_commit(struct kv *kv, struct worker_job *jobs, struct error **err)
{
	bool writes = false;
	for (struct worker_job *j = jobs; j != NULL; j = j->next)
		writes = writes || job_writes((struct kv_job *)j);
	int r = writes ? database_exec(&kv->db, "BEGIN IMMEDIATE", err) : 0;
	for (struct worker_job *j = jobs; j != NULL && r == 0; j = j->next)
		r = job_apply(kv, (struct kv_job *)j, err);
	if (r == 0 && writes)
		r = database_exec(&kv->db, "COMMIT", err);
	if (r < 0 && sqlite3_get_autocommit(kv->db.handle) == 0)
		(void)sqlite3_exec(kv->db.handle, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static void kv_run(void *owner, struct worker_job *jobs)
{
	struct kv *kv = owner;
	if (kv->broken == NULL)
		(void)!jobs_commit(kv, jobs, &kv->broken);
	for (struct worker_job *j = jobs; kv->broken != NULL && j != NULL; j = j->next)
		(void)error_set(&((struct kv_job *)j)->err, kv->broken->code, "%s",
				kv->broken->message);
	if (kv->broken == NULL && kv->db.wal_pages > CHECKPOINT_PAGES_BUSY)
		database_checkpoint(&kv->db);
}

static void kv_idle(void *owner)
{
	struct kv *kv = owner;
	if (kv->broken == NULL && kv->db.wal_pages > CHECKPOINT_PAGES)
		database_checkpoint(&kv->db);
}

/* ---- in the loop's thread ---- */

static void kv_job_done(void *owner, struct worker_job *base)
{
	(void)owner;
	struct kv_job *job = (struct kv_job *)base;
	if (job->done != NULL)
		job->done(job->user, job->err != NULL ? (int)job->err->code : 0, job->err,
			  job->answers, job->count);
	for (size_t i = 0; i < job->count; i++)
		data_answer_done(&job->answers[i]);
	free(job->answers);
	free(job->forget);
	error_free(job->err);
	free(job);
}

static const struct worker_ops worker_ops = {
	.run = kv_run,
	.idle = kv_idle,
	.done = kv_job_done,
};

static void job_add(struct kv *kv, const struct data_change *changes, size_t count,
		    const char *forget, kv_done_fn *done, void *user)
{
	struct kv_job *job = mem_new(struct kv_job);
	job->changes = changes;
	job->count = count;
	job->answers = count > 0 ? mem_new_array(struct data_answer, count) : NULL;
	job->forget = mem_strdup(forget);
	job->done = done;
	job->user = user;
	worker_add(kv->worker, &job->base);
}

void kv_apply(struct kv *kv, const struct data_change *changes, size_t count, kv_done_fn *done,
	      void *user)
{
	job_add(kv, changes, count, NULL, done, user);
}

void kv_forget(struct kv *kv, const char *owner, kv_done_fn *done, void *user)
{
	job_add(kv, NULL, 0, owner, done, user);
}

int kv_load(struct kv *kv, const char *owner, kv_each_fn *each, void *user, struct error **err)
{
	PRE(worker_waiting(kv->worker) == 0);
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(&kv->db,
				 "SELECT key, value FROM data WHERE owner=?1 ORDER BY key",
				 &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, owner, -1, SQLITE_STATIC);
	int step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(&kv->db, "read", err);
		else
			r = each(user, sqlite3_column_blob(statement, 0),
				 (size_t)sqlite3_column_bytes(statement, 0),
				 sqlite3_column_blob(statement, 1),
				 (size_t)sqlite3_column_bytes(statement, 1), err);
	}
	(void)sqlite3_finalize(statement);
	return r;
}

/* ---- life ---- */

static void kv_end(struct kv *kv)
{
	data_table_done(&kv->data);
	database_close(&kv->db);
	error_free(kv->broken);
	free(kv);
}

static void worker_closed(void *user)
{
	struct kv *kv = user;
	void (*closed)(void *) = kv->closed;
	void *closed_user = kv->closed_user;
	kv_end(kv);
	closed(closed_user);
}

void kv_close(struct kv *kv, void (*closed)(void *user), void *user)
{
	kv->closed = closed;
	kv->closed_user = user;
	worker_close(kv->worker, worker_closed, kv);
}

int kv_open(struct loop *loop, const char *path, struct kv **ret_kv, struct error **err)
{
	struct kv *kv = mem_new(struct kv);
	int r = database_open(&kv->db, path, &schema, err);
	if (r < 0) {
		free(kv);
		return r;
	}
	r = data_table_init(&kv->data, &kv->db, err);
	if (r < 0) {
		kv_end(kv);
		return r;
	}
	kv->worker = worker_new(loop, "kv", &worker_ops, kv);
	*ret_kv = kv;
	return 0;
}
