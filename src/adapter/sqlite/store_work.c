#include "adapter/sqlite/store_work.h"

#include <string.h>

#include "adapter/sqlite/store_schema.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

/* ---- in the worker's thread: one batch ---- */

static int record_write(struct sqlite_store *s, const struct record_change *change,
			struct error **err)
{
	sqlite3_stmt *statement = change->data != NULL ? s->record_put : s->record_delete;
	int64_t sum = 0;
	if (change->data != NULL)
		sum = record_sum((int)change->kind, change->id, change->data, change->size);
	int r = ledger_record(&s->ledger, (int)change->kind, change->id,
			      change->data != NULL ? &sum : NULL, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)change->kind);
	(void)sqlite3_bind_text(statement, 2, change->id, -1, SQLITE_STATIC);
	if (change->data != NULL) {
		(void)sqlite3_bind_blob64(statement, 3, change->data, change->size,
					  SQLITE_STATIC);
		(void)sqlite3_bind_int64(statement, 4, sum);
	}
	return database_step(&s->commits.db, statement, err);
}

static int audit_add(struct sqlite_store *s, const Samoza__V1__AuditRecord *line,
		     struct buffer *scratch, struct error **err)
{
	int r = audit_table_add(&s->audit, line, scratch, err);
	return r == 0 ? audit_table_trim(&s->audit, line, &s->store.audit, err) : r;
}

static int batch_write(struct sqlite_store *s, struct store_request *request,
		       struct error **err)
{
	const struct outbox *o = request->outbox;
	CLEANUP(buffer_done) struct buffer scratch = BUFFER_INIT(64u * 1024 * 1024);
	int r = 0;
	vector_for_each (&o->records, change)
		if (r == 0)
			r = record_write(s, change, err);
	vector_for_each (&o->events, event)
		if (r == 0)
			r = history_add(&s->history, *event, &scratch, err);
	if (r == 0 && o->events.count > 0)
		r = history_trim(&s->history, (*vector_last(&o->events))->seq, err);
	vector_for_each (&o->audit, line)
		if (r == 0)
			r = audit_add(s, *line, &scratch, err);
	vector_for_each (&o->data_forget, owner)
		if (r == 0)
			r = data_table_forget(&s->commits.data, *owner, err);
	for (size_t i = 0; i < o->data.count && r == 0; i++) {
		const struct kv_change change = data_change_as_kv(&o->data.items[i]);
		r = data_table_apply(&s->commits.data, &change, &request->answers[i], err);
	}
	s->records += o->records.count;
	s->events += o->events.count;
	return r;
}

static bool batch_writes(const struct outbox *o)
{
	if (o->records.count > 0 || o->events.count > 0 || o->audit.count > 0 ||
	    o->data_forget.count > 0)
		return true;
	vector_for_each (&o->data, d) {
		const struct kv_change change = data_change_as_kv(d);
		if (kv_change_writes(&change))
			return true;
	}
	return false;
}

/* ---- all that wait: one transaction ---- */

static int events_list(struct sqlite_store *s, struct store_request *request)
{
	return history_list(&s->history, request->after, request->topology, request->limit,
			    &request->found, &request->more, &request->err);
}

/* What a request asks for of the history or the audit. */
static void list(struct sqlite_store *s, struct store_request *request)
{
	int r = request->type == REQUEST_EVENTS
			? events_list(s, request)
			: audit_table_list(&s->audit, &request->query, &request->lines,
					   &request->more, &request->err);
	(void)r; /* reported to the caller; no other request is affected */
}

/* Reads see what is not committed yet: their answers go out only after the commit as well. */
static int requests_work(struct sqlite_store *s, struct worker_job *jobs, struct error **err)
{
	int r = 0;
	uint64_t count = 0;
	for (struct worker_job *j = jobs; j != NULL && r == 0; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		if (request->type == REQUEST_COMMIT) {
			r = batch_write(s, request, err);
			count++;
		} else if (request->type != REQUEST_READ) {
			list(s, request);
		}
	}
	s->batches += count;
	if (count > s->largest)
		s->largest = count;
	return r;
}

static bool requests_write(const struct worker_job *jobs)
{
	for (; jobs != NULL; jobs = jobs->next) {
		const struct store_request *request = (const struct store_request *)jobs;
		if (request->type == REQUEST_COMMIT && batch_writes(request->outbox))
			return true;
	}
	return false;
}

static void rolled_back(struct sqlite_store *s)
{
	ledger_rolled_back(&s->ledger);
	audit_table_rolled_back(&s->audit);
	data_table_rolled_back(&s->commits.data);
}

static int requests_commit(struct sqlite_store *s, struct worker_job *jobs, struct error **err)
{
	if (!requests_write(jobs))
		return requests_work(s, jobs, err);
	uint64_t began_ns = uv_hrtime();
	int r = database_step(&s->commits.db, s->begin, err);
	if (r == 0)
		r = requests_work(s, jobs, err);
	if (r == 0)
		r = ledger_write(&s->ledger, err);
	if (r == 0)
		r = database_step(&s->commits.db, s->commit, err);
	if (r < 0 && sqlite3_get_autocommit(s->commits.db.handle) == 0)
		(void)sqlite3_exec(s->commits.db.handle, "ROLLBACK", NULL, NULL, NULL);
	if (r == 0)
		ledger_committed(&s->ledger);
	else
		rolled_back(s);
	s->transactions++;
	s->commit_us += (uv_hrtime() - began_ns) / 1000;
	s->wal_pages = s->commits.db.wal_pages;
	return r;
}

static void request_fail(struct store_request *request, const struct error *why)
{
	if (request->err == NULL)
		(void)error_set(&request->err, why->code, "%s", why->message);
}

/* As before they were worked on. */
static void requests_reset(struct worker_job *jobs)
{
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		for (size_t i = 0; request->answers != NULL && i < request->outbox->data.count;
		     i++)
			data_answer_done(&request->answers[i]);
		history_events_clear(&request->found);
		audit_lines_clear(&request->lines);
		request->more = false;
		error_free(steal_ptr(&request->err));
	}
}

static int commit_all(void *owner, struct worker_job *jobs, struct error **err)
{
	return requests_commit(owner, jobs, err);
}

int store_records_load(struct sqlite_store *s, store_record_fn *each, void *user,
		       struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(&s->commits.db,
				 "SELECT kind, id, data FROM record "
				 "WHERE sum=checksum(kind, id, data) ORDER BY kind, id",
				 &statement, err);
	int step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(&s->commits.db, "read", err);
		else
			r = each(user, (enum record_kind)sqlite3_column_int(statement, 0),
				 (const char *)sqlite3_column_text(statement, 1),
				 sqlite3_column_blob(statement, 2),
				 (size_t)sqlite3_column_bytes(statement, 2), err);
	}
	(void)sqlite3_finalize(statement);
	return r;
}

/* Never within a transaction, which may fail: it can be read only once. */
static void records_read(struct sqlite_store *s, struct store_request *request)
{
	int r = store_records_load(s, request->reader->on_record, request->user, &request->err);
	if (r == 0)
		(void)!request->reader->on_end(request->user, &request->err);
}

/* A part of the copy; store_done() asks for the next. */
static void copy_go_on(struct sqlite_store *s, struct store_request *request)
{
	int r = 0;
	if (request->snapshot == NULL)
		r = snapshot_new(&s->commits.db, request->path, &request->snapshot,
				 &request->err);
	if (r == 0)
		r = snapshot_step(request->snapshot, &request->is_copied, &request->err);
	if (r < 0) /* in this thread: it lets go of the database */
		snapshot_free(steal_ptr(&request->snapshot));
}

static bool is_reading(const struct worker_job *job)
{
	enum request_type type = ((const struct store_request *)job)->type;
	return type == REQUEST_EVENTS || type == REQUEST_READ;
}

/* What is durable can be read while a commit fails. */
static void reads_answer(void *owner, struct worker_job **jobs)
{
	struct sqlite_store *s = owner;
	struct worker_job *asked = worker_split(s->commits.worker, jobs, is_reading);
	for (struct worker_job *j = asked; j != NULL; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		if (request->type == REQUEST_READ)
			records_read(s, request);
		else
			list(s, request);
	}
	worker_answer(s->commits.worker, asked);
}

const struct commits_ops store_commits_ops = {
	.commit = commit_all,
	.reset = requests_reset,
	.meanwhile = reads_answer,
};

void store_work(void *owner, struct worker_job **jobs)
{
	struct sqlite_store *s = owner;
	commits_run(&s->commits, jobs);
	for (struct worker_job *j = *jobs; s->commits.broken != NULL && j != NULL; j = j->next)
		request_fail((struct store_request *)j, s->commits.broken);
	for (struct worker_job *j = *jobs; j != NULL; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		if (request->type == REQUEST_READ && request->err == NULL)
			records_read(s, request);
		if (request->type == REQUEST_COPY && request->err == NULL)
			copy_go_on(s, request);
	}
}

void store_idle(void *owner)
{
	struct sqlite_store *s = owner;
	commits_idle(&s->commits);
	ledger_sync(&s->ledger);
	s->wal_pages = s->commits.db.wal_pages;
}
