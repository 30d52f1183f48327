#include "adapter/sqlite/kv.h"

#include "adapter/sqlite/commits.h"
#include "base/check.h"
#include "base/str.h"

enum { APPLICATION_ID = 0x534d4b56 }; /* "SMKV" */

static const char *const migrations[] = {DATA_TABLE_SQL, DATA_TABLE_SUM_SQL};

static const struct database_schema schema = {
	.application_id = APPLICATION_ID,
	.migrations = migrations,
	.version = ARRAY_SIZE(migrations),
};

struct sqlite_kv {
	struct kv kv; /* first */
	struct commits commits;
	void (*closed)(void *user);
	void *closed_user;
};

struct kv_request {
	struct worker_job base; /* first */
	const struct kv_change *changes;
	struct data_answer *answers;
	size_t count;
	kv_done_fn *done;
	void *user;
	struct error *err;
};

/* ---- in the worker's thread ---- */

static int request_apply(struct sqlite_kv *s, struct kv_request *request, struct error **err)
{
	int r = 0;
	for (size_t i = 0; i < request->count && r == 0; i++)
		r = data_table_apply(&s->commits.data, &request->changes[i],
				     &request->answers[i], err);
	return r;
}

static bool request_writes(const struct kv_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		if (kv_change_writes(&request->changes[i]))
			return true;
	return false;
}

static int requests_commit(struct sqlite_kv *s, struct worker_job *jobs, struct error **err)
{
	bool writes = false;
	for (struct worker_job *j = jobs; j != NULL; j = j->next)
		writes = writes || request_writes((struct kv_request *)j);
	int r = writes ? database_exec(&s->commits.db, "BEGIN IMMEDIATE", err) : 0;
	for (struct worker_job *j = jobs; j != NULL && r == 0; j = j->next)
		r = request_apply(s, (struct kv_request *)j, err);
	if (r == 0 && writes)
		r = database_exec(&s->commits.db, "COMMIT", err);
	if (r < 0 && sqlite3_get_autocommit(s->commits.db.handle) == 0)
		(void)sqlite3_exec(s->commits.db.handle, "ROLLBACK", NULL, NULL, NULL);
	if (r < 0)
		data_table_rolled_back(&s->commits.data);
	return r;
}

static void requests_reset(struct worker_job *jobs)
{
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		const struct kv_request *request = (const struct kv_request *)j;
		for (size_t i = 0; i < request->count; i++)
			data_answer_done(&request->answers[i]);
	}
}

static int commit_all(void *owner, struct worker_job *jobs, struct error **err)
{
	return requests_commit(owner, jobs, err);
}

static const struct commits_ops commits_ops = {.commit = commit_all, .reset = requests_reset};

static void kv_run(void *owner, struct worker_job **jobs)
{
	struct sqlite_kv *s = owner;
	commits_run(&s->commits, jobs);
	const struct error *broken = s->commits.broken;
	for (struct worker_job *j = *jobs; broken != NULL && j != NULL; j = j->next)
		(void)error_set(&((struct kv_request *)j)->err, broken->code, "%s",
				broken->message);
}

static void kv_idle(void *owner)
{
	commits_idle(&((struct sqlite_kv *)owner)->commits);
}

/* ---- in the loop's thread ---- */

static void request_done(void *owner, struct worker_job *base)
{
	(void)owner;
	struct kv_request *request = (struct kv_request *)base;
	request->done(request->user, request->err != NULL ? COMMIT_FAILED : COMMIT_DURABLE,
		      request->err, request->answers);
	for (size_t i = 0; i < request->count; i++)
		data_answer_done(&request->answers[i]);
	free(request->answers);
	error_free(request->err);
	free(request);
}

static const struct worker_ops worker_ops = {
	.run = kv_run,
	.idle = kv_idle,
	.done = request_done,
};

static void sqlite_kv_commit(struct kv *kv, const struct kv_change *changes, size_t count,
			     kv_done_fn *done, void *user)
{
	struct sqlite_kv *s = (struct sqlite_kv *)kv;
	struct kv_request *request = mem_new(struct kv_request);
	request->changes = changes;
	request->count = count;
	request->answers = mem_new_array(struct data_answer, count + 1);
	request->done = done;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static int row_load(const struct sqlite_kv *s, const char *owner, sqlite3_stmt *row,
		    kv_each_fn *each, void *user, struct error **err)
{
	const void *key = sqlite3_column_blob(row, 0), *value = sqlite3_column_blob(row, 1);
	size_t key_size = (size_t)sqlite3_column_bytes(row, 0);
	size_t value_size = (size_t)sqlite3_column_bytes(row, 1);
	if (sqlite3_column_int64(row, 2) != data_sum(owner, key, key_size, value, value_size))
		return error_set(err, ERR_INVALID,
				 "%s is damaged: the checksum of '%.*s' of %s is wrong",
				 s->commits.db.path, (int)key_size,
				 key != NULL ? (const char *)key : "", owner);
	return each(user, key, key_size, value, value_size, err);
}

static int sqlite_kv_load(struct kv *kv, const char *owner, kv_each_fn *each, void *user,
			  struct error **err)
{
	struct sqlite_kv *s = (struct sqlite_kv *)kv;
	PRE(worker_waiting(s->commits.worker) == 0);
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(&s->commits.db,
				 "SELECT key, value, sum FROM data WHERE owner=?1 ORDER BY key",
				 &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, owner, -1, SQLITE_STATIC);
	int step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(&s->commits.db, "read", err);
		else
			r = row_load(s, owner, statement, each, user, err);
	}
	(void)sqlite3_finalize(statement);
	return r;
}

/* ---- life ---- */

static void kv_end(struct sqlite_kv *s)
{
	commits_done(&s->commits);
	free(s);
}

static void worker_closed(void *user)
{
	struct sqlite_kv *s = user;
	void (*closed)(void *) = s->closed;
	void *closed_user = s->closed_user;
	kv_end(s);
	closed(closed_user);
}

static void sqlite_kv_close(struct kv *kv, void (*closed)(void *user), void *user)
{
	struct sqlite_kv *s = (struct sqlite_kv *)kv;
	s->closed = closed;
	s->closed_user = user;
	worker_close(s->commits.worker, worker_closed, s);
}

static bool sqlite_kv_is_tight(const struct kv *kv)
{
	return reserve_is_missed(&((const struct sqlite_kv *)kv)->commits.reserve);
}

static bool sqlite_kv_is_failing(const struct kv *kv)
{
	return atomic_load(&((const struct sqlite_kv *)kv)->commits.is_failing);
}

static const struct kv_ops kv_ops = {
	.is_tight = sqlite_kv_is_tight,
	.is_failing = sqlite_kv_is_failing,
	.load = sqlite_kv_load,
	.commit = sqlite_kv_commit,
	.close = sqlite_kv_close,
};

void sqlite_kv_retry_for(struct kv *kv, int64_t ms)
{
	((struct sqlite_kv *)kv)->commits.retry_ms = ms;
}

int sqlite_kv_open(struct loop *loop, const char *path, struct kv **ret_kv, struct error **err)
{
	struct sqlite_kv *s = mem_new(struct sqlite_kv);
	s->kv.ops = &kv_ops;
	int r = commits_open(&s->commits, &commits_ops, s, path, &schema, err);
	if (r < 0) {
		free(s);
		return r;
	}
	r = data_table_init(&s->commits.data, &s->commits.db, NULL, err);
	if (r == 0)
		r = worker_new(loop, "kv", &worker_ops, s, &s->commits.worker, err);
	if (r < 0) {
		kv_end(s);
		return r;
	}
	*ret_kv = &s->kv;
	return 0;
}

int sqlite_kv_open_dir(struct loop *loop, const char *dir, struct kv **ret_kv,
		       struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/zhost.db", dir);
	return sqlite_kv_open(loop, path, ret_kv, err);
}
