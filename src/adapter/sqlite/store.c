#include "adapter/sqlite/store.h"

#include <stdatomic.h>
#include <string.h>

#include "adapter/sqlite/audit_table.h"
#include "adapter/sqlite/commits.h"
#include "adapter/sqlite/history.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/sqlite/ledger.h"
#include "adapter/sqlite/snapshot.h"
#include "adapter/sqlite/store_schema.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

struct sqlite_store {
	struct store store; /* first */
	struct commits commits;
	struct history history;
	struct audit_table audit;
	struct ledger ledger;
	sqlite3_stmt *begin, *commit, *record_put, *record_delete;
	/* Written by the worker, read by the loop. */
	atomic_uint_fast64_t transactions, batches, events, records, largest, commit_us;
	atomic_int wal_pages;
	void (*closed)(void *user);
	void *closed_user;
};

enum request_type { REQUEST_COMMIT, REQUEST_EVENTS, REQUEST_AUDIT, REQUEST_READ, REQUEST_COPY };

struct store_request {
	struct worker_job base; /* first */
	enum request_type type;
	void *user;
	struct error *err; /* how it went */
	/* commit */
	const struct outbox *outbox; /* borrowed until done */
	struct data_answer *answers;
	store_done_fn *committed;
	/* events */
	uint64_t after;
	char *topology;
	uint32_t limit;
	history_events found;
	bool more;
	store_events_fn *listed;
	/* audit */
	struct audit_query query; /* its user is owned */
	audit_lines lines;
	store_audit_fn *told;
	/* read */
	const struct store_reader *reader; /* borrowed until done */
	/* copy */
	char *path;
	struct snapshot *snapshot; /* NULL: not begun */
	bool is_copied;
	store_copied_fn *copied;
};

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

static int records_load(struct sqlite_store *s, store_record_fn *each, void *user,
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
	int r = records_load(s, request->reader->on_record, request->user, &request->err);
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

static const struct commits_ops commits_ops = {
	.commit = commit_all,
	.reset = requests_reset,
	.meanwhile = reads_answer,
};

static void store_run(void *owner, struct worker_job **jobs)
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

static void store_idle(void *owner)
{
	struct sqlite_store *s = owner;
	commits_idle(&s->commits);
	ledger_sync(&s->ledger);
	s->wal_pages = s->commits.db.wal_pages;
}

/* ---- in the loop's thread ---- */

static void request_free(struct store_request *request)
{
	for (size_t i = 0; request->answers != NULL && i < request->outbox->data.count; i++)
		data_answer_done(&request->answers[i]);
	free(request->answers);
	history_events_clear(&request->found);
	vector_done(&request->found);
	audit_lines_clear(&request->lines);
	vector_done(&request->lines);
	free((char *)request->query.user);
	snapshot_free(request->snapshot);
	free(request->path);
	free(request->topology);
	error_free(request->err);
	free(request);
}

static void store_done(void *owner, struct worker_job *base)
{
	struct sqlite_store *s = owner;
	struct store_request *request = (struct store_request *)base;
	if (request->type == REQUEST_COPY && request->err == NULL && !request->is_copied) {
		worker_add(s->commits.worker, base); /* after the commits that wait */
		return;
	}
	int code = request->err != NULL ? (int)request->err->code : 0;
	if (request->type == REQUEST_COMMIT) {
		/* The outbox may be gone after the call. */
		struct data_answer *answers = request->answers;
		size_t count = request->outbox->data.count;
		request->committed(request->user, code < 0 ? COMMIT_FAILED : COMMIT_DURABLE,
				   request->err, answers);
		for (size_t i = 0; i < count; i++)
			data_answer_done(&answers[i]);
		free(answers);
		request->answers = NULL;
	} else if (request->type == REQUEST_READ) {
		request->reader->done(request->user, code, request->err);
	} else if (request->type == REQUEST_AUDIT) {
		request->told(request->user, code, request->err, request->lines.items,
			      request->lines.count, request->more);
	} else if (request->type == REQUEST_COPY) {
		request->copied(request->user, code, request->err);
	} else {
		request->listed(request->user, code, request->err, request->found.items,
				request->found.count, request->more);
	}
	request_free(request);
}

static const struct worker_ops worker_ops = {
	.run = store_run,
	.idle = store_idle,
	.done = store_done,
};

static void sqlite_store_commit(struct store *store, const struct outbox *outbox,
				store_done_fn *done, void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct store_request *request = mem_new(struct store_request);
	request->type = REQUEST_COMMIT;
	request->outbox = outbox;
	request->answers = outbox->data.count > 0
				   ? mem_new_array(struct data_answer, outbox->data.count)
				   : NULL;
	request->committed = done;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static void sqlite_store_events(struct store *store, uint64_t after, const char *topology,
				uint32_t limit, store_events_fn *done, void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct store_request *request = mem_new(struct store_request);
	request->type = REQUEST_EVENTS;
	request->after = after;
	request->topology = mem_strdup(topology);
	request->limit = limit < STORE_EVENTS_MAX ? limit : STORE_EVENTS_MAX;
	request->listed = done;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static void sqlite_store_audit(struct store *store, const struct audit_query *query,
			       store_audit_fn *done, void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct store_request *request = mem_new(struct store_request);
	request->type = REQUEST_AUDIT;
	request->query = *query;
	request->query.user = mem_strdup(query->user);
	if (query->limit > STORE_EVENTS_MAX)
		request->query.limit = STORE_EVENTS_MAX;
	request->told = done;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static void sqlite_store_read(struct store *store, const struct store_reader *reader,
			      void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct store_request *request = mem_new(struct store_request);
	request->type = REQUEST_READ;
	request->reader = reader;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static void sqlite_store_copy(struct store *store, const char *path, store_copied_fn *done,
			      void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct store_request *request = mem_new(struct store_request);
	request->type = REQUEST_COPY;
	request->path = mem_strdup(path);
	request->copied = done;
	request->user = user;
	worker_add(s->commits.worker, &request->base);
}

static int sqlite_store_inspect(struct store *store, store_finding_fn *each, void *user,
				struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->commits.worker) == 0);
	return inspect_records(&s->commits.db, each, user, err);
}

static int sqlite_store_accept_loss(struct store *store, struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->commits.worker) == 0);
	int r = database_exec(&s->commits.db,
			      "DELETE FROM record WHERE sum<>checksum(kind, id, data)", err);
	return r == 0 ? ledger_accept(&s->ledger, err) : r;
}

static int sqlite_store_load(struct store *store, store_record_fn *each, void *user,
			     struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->commits.worker) == 0);
	return records_load(s, each, user, err);
}

enum {
	TRANSACTIONS,
	BATCHES,
	RECORDS,
	EVENTS,
	COMMIT_TIME,
	LARGEST_GROUP,
	WAITING,
	WAL_PAGES,
	DAMAGED_EVENTS,
	DAMAGED_AUDIT,
	TIGHT,
	FAILING,
};
static const struct metric metrics[] = {
	[TRANSACTIONS] = {"zrms_store_transactions_total", METRIC_COUNTER,
			  "Durable transactions."},
	[BATCHES] = {"zrms_store_batches_total", METRIC_COUNTER,
		     "Batches committed; several share a transaction."},
	[RECORDS] = {"zrms_store_records_total", METRIC_COUNTER, "Records written."},
	[EVENTS] = {"zrms_store_events_total", METRIC_COUNTER, "Events written."},
	[COMMIT_TIME] = {"zrms_store_commit_microseconds_total", METRIC_COUNTER,
			 "Time spent in transactions."},
	[LARGEST_GROUP] = {"zrms_store_largest_group", METRIC_GAUGE,
			   "Largest number of batches in one transaction."},
	[WAITING] = {"zrms_store_waiting", METRIC_GAUGE,
		     "Batches and queries that are not answered yet."},
	[WAL_PAGES] = {"zrms_store_wal_pages", METRIC_GAUGE, "Pages in the write-ahead log."},
	[DAMAGED_EVENTS] = {"zrms_store_damaged_events_total", METRIC_COUNTER,
			    "Events that were read with a wrong checksum, and left out."},
	[DAMAGED_AUDIT] = {"zrms_store_damaged_audit_total", METRIC_COUNTER,
			   "Lines of the audit that were read with a wrong checksum, and left "
			   "out."},
	[TIGHT] = {"zrms_store_tight", METRIC_GAUGE,
		   "1: the disk is full, and nothing that grows is accepted."},
	[FAILING] = {"zrms_store_failing", METRIC_GAUGE,
		     "1: a transaction failed and is tried again."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct sqlite_store *s = part;

	metric_set(to, TRANSACTIONS, s->transactions);
	metric_set(to, BATCHES, s->batches);
	metric_set(to, RECORDS, s->records);
	metric_set(to, EVENTS, s->events);
	metric_set(to, COMMIT_TIME, s->commit_us);
	metric_set(to, LARGEST_GROUP, s->largest);
	metric_set(to, WAITING, worker_waiting(s->commits.worker));
	metric_set(to, WAL_PAGES, (uint64_t)s->wal_pages);
	metric_set(to, DAMAGED_EVENTS, s->history.damaged);
	metric_set(to, DAMAGED_AUDIT, s->audit.damaged);
	metric_set(to, TIGHT, reserve_is_missed(&s->commits.reserve));
	metric_set(to, FAILING, atomic_load(&s->commits.is_failing));
}

const struct metric_source sqlite_store_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

static void statements_finalize(struct sqlite_store *s)
{
	sqlite3_stmt *const all[] = {s->begin, s->commit, s->record_put, s->record_delete};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)sqlite3_finalize(all[i]);
}

static int statements_prepare(struct sqlite_store *s, struct error **err)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&s->begin, "BEGIN IMMEDIATE"},
		{&s->commit, "COMMIT"},
		{&s->record_put,
		 "INSERT INTO record(kind,id,data,sum) VALUES(?1,?2,?3,?4) "
		 "ON CONFLICT DO UPDATE SET data=excluded.data, sum=excluded.sum"},
		{&s->record_delete, "DELETE FROM record WHERE kind=?1 AND id=?2"},
	};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = database_prepare(&s->commits.db, all[i].sql, all[i].statement, err);
	return r;
}

static void store_end(struct sqlite_store *s)
{
	statements_finalize(s);
	ledger_done(&s->ledger);
	history_done(&s->history);
	audit_table_done(&s->audit);
	commits_done(&s->commits);
	free(s);
}

static void worker_closed(void *user)
{
	struct sqlite_store *s = user;
	void (*closed)(void *) = s->closed;
	void *closed_user = s->closed_user;
	store_end(s);
	closed(closed_user);
}

static void sqlite_store_close(struct store *store, void (*closed)(void *user), void *user)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	s->closed = closed;
	s->closed_user = user;
	worker_close(s->commits.worker, worker_closed, s);
}

static int sqlite_store_keep_copy(struct store *store, const char *suffix, struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	CLEANUP(freep) char *path = str_printf("%s%s", s->commits.db.path, suffix);
	return database_copy(&s->commits.db, path, &store_downgrade, err);
}

static bool sqlite_store_is_tight(const struct store *store)
{
	return reserve_is_missed(&((const struct sqlite_store *)store)->commits.reserve);
}

static bool sqlite_store_is_failing(const struct store *store)
{
	return atomic_load(&((const struct sqlite_store *)store)->commits.is_failing);
}

void sqlite_store_retry_for(struct store *store, int64_t ms)
{
	((struct sqlite_store *)store)->commits.retry_ms = ms;
}

static const struct store_ops store_ops = {
	.is_failing = sqlite_store_is_failing,
	.is_tight = sqlite_store_is_tight,
	.inspect = sqlite_store_inspect,
	.accept_loss = sqlite_store_accept_loss,
	.load = sqlite_store_load,
	.keep_copy = sqlite_store_keep_copy,
	.commit = sqlite_store_commit,
	.events = sqlite_store_events,
	.audit = sqlite_store_audit,
	.read = sqlite_store_read,
	.copy = sqlite_store_copy,
	.metrics = &sqlite_store_metrics,
	.close = sqlite_store_close,
};

int sqlite_store_open(struct loop *loop, const char *path, struct store **ret_store,
		      struct error **err)
{
	struct sqlite_store *s = mem_new(struct sqlite_store);
	s->store.ops = &store_ops;
	s->ledger.witness_fd = -1;
	int r = commits_open(&s->commits, &commits_ops, s, path, &store_schema, err);
	if (r < 0) {
		free(s);
		return r;
	}
	r = statements_prepare(s, err);
	if (r == 0)
		r = data_table_init(&s->commits.data, &s->commits.db, &s->ledger.now.values,
				    err);
	if (r == 0)
		r = ledger_init(&s->ledger, &s->commits.db, err);
	if (r == 0)
		r = history_init(&s->history, &s->commits.db, err);
	if (r == 0)
		r = audit_table_init(&s->audit, &s->commits.db, err);
	if (r == 0)
		r = worker_new(loop, "store", &worker_ops, s, &s->commits.worker, err);
	if (r < 0) {
		store_end(s);
		return r;
	}
	*ret_store = &s->store;
	return 0;
}

int sqlite_store_open_dir(struct loop *loop, const char *dir, struct store **ret_store,
			  struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", dir);
	return sqlite_store_open(loop, path, ret_store, err);
}
