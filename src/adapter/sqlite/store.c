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
#include "adapter/sqlite/store_work.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

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
	.run = store_work,
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
	return store_records_load(s, each, user, err);
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
	[COMMIT_TIME] = {"zrms_store_commit_seconds_total", METRIC_COUNTER,
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
	metric_set_us(to, COMMIT_TIME, s->commit_us);
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
	moving_mark_done(&s->mark);
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
	.moving = &sqlite_store_moving,
	.metrics = &sqlite_store_metrics,
	.close = sqlite_store_close,
};

int sqlite_store_open(struct loop *loop, const char *path, struct store **ret_store,
		      struct error **err)
{
	struct sqlite_store *s = mem_new(struct sqlite_store);
	s->store.ops = &store_ops;
	s->ledger.witness_fd = -1;
	int r = commits_open(&s->commits, &store_commits_ops, s, path, &store_schema, err);
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
		r = moving_mark_read(&s->mark, &s->commits.db, err);
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
