#include "adapter/sqlite/store.h"

#include <stdatomic.h>
#include <string.h>

#include "adapter/sqlite/data_table.h"
#include "adapter/sqlite/database.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/sqlite/ledger.h"
#include "adapter/sqlite/reserve.h"
#include "adapter/sqlite/retry.h"
#include "adapter/sqlite/store_schema.h"
#include "adapter/sqlite/worker.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

enum {
	CHECKPOINT_PAGES = 1000,       /* when idle: 4 MiB of log */
	CHECKPOINT_PAGES_BUSY = 16384, /* also under load: 64 MiB */
	CHECKPOINT_PAGES_SMALL = 512,  /* where little is free: half of the reserve */
	ROOM_SMALL = 256 * 1024 * 1024,
	TRIM_STEP = 1024, /* events that are deleted together */
};

struct sqlite_store {
	struct store store; /* first */
	struct worker *worker;
	struct database db;
	struct data_table data;
	struct ledger ledger;
	struct reserve reserve;
	int64_t retry_ms;
	atomic_bool is_failing; /* it tries again */
	sqlite3_stmt *begin, *commit, *record_put, *record_delete, *event_add, *event_trim,
		*event_all, *event_of;
	int64_t trimmed_seq;  /* no event up to it is left */
	struct error *broken; /* the first failure: nothing is written after it */
	/* Written by the worker, read by the loop. */
	atomic_uint_fast64_t transactions, batches, events, records, largest, commit_us,
		damaged_events;
	atomic_int wal_pages;
	void (*closed)(void *user);
	void *closed_user;
};

enum request_type { REQUEST_COMMIT, REQUEST_EVENTS };

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
	VECTOR(Samoza__V1__EventRecord *) found;
	bool more;
	store_events_fn *listed;
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
	return database_step(&s->db, statement, err);
}

static int event_write(struct sqlite_store *s, const Samoza__V1__EventRecord *event,
		       struct buffer *scratch, struct error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&event->base);
	buffer_clear(scratch);
	uint8_t *to = buffer_reserve(scratch, size);
	INVARIANT(to != NULL);
	(void)protobuf_c_message_pack(&event->base, to);
	(void)sqlite3_bind_int64(s->event_add, 1, (sqlite3_int64)event->seq);
	(void)sqlite3_bind_text(s->event_add, 2, event->topology, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(s->event_add, 3, to, size, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s->event_add, 4,
				 event_sum((int64_t)event->seq, event->topology, to, size));
	return database_step(&s->db, s->event_add, err);
}

/* Old events go a step at a time, so that no commit pays for many. */
static int events_trim(struct sqlite_store *s, uint64_t newest, struct error **err)
{
	int64_t last = (int64_t)newest - STORE_EVENTS_KEPT;
	if (last < s->trimmed_seq + TRIM_STEP)
		return 0;
	(void)sqlite3_bind_int64(s->event_trim, 1, last);
	int r = database_step(&s->db, s->event_trim, err);
	if (r == 0)
		s->trimmed_seq = last;
	return r;
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
			r = event_write(s, *event, &scratch, err);
	if (r == 0 && o->events.count > 0)
		r = events_trim(s, (*vector_last(&o->events))->seq, err);
	vector_for_each (&o->data_forget, owner)
		if (r == 0)
			r = data_table_forget(&s->data, *owner, err);
	for (size_t i = 0; i < o->data.count && r == 0; i++) {
		const struct kv_change change = data_change_as_kv(&o->data.items[i]);
		r = data_table_apply(&s->data, &change, &request->answers[i], err);
	}
	s->records += o->records.count;
	s->events += o->events.count;
	return r;
}

static bool batch_writes(const struct outbox *o)
{
	if (o->records.count > 0 || o->events.count > 0 || o->data_forget.count > 0)
		return true;
	vector_for_each (&o->data, d) {
		const struct kv_change change = data_change_as_kv(d);
		if (kv_change_writes(&change))
			return true;
	}
	return false;
}

/* ---- history ---- */

/* One that is damaged is left out: the rest of the history is none the worse for it. */
static void event_read(struct sqlite_store *s, struct store_request *request,
		       sqlite3_stmt *statement)
{
	const void *data = sqlite3_column_blob(statement, 0);
	size_t size = (size_t)sqlite3_column_bytes(statement, 0);
	int64_t sum = event_sum(sqlite3_column_int64(statement, 2),
				(const char *)sqlite3_column_text(statement, 3), data, size);
	Samoza__V1__EventRecord *event = NULL;
	if (sum == sqlite3_column_int64(statement, 1))
		event = samoza__v1__event_record__unpack(NULL, size, data);
	if (event != NULL)
		vector_push(&request->found, event);
	else
		s->damaged_events++;
}

static int events_list(struct sqlite_store *s, struct store_request *request,
		       struct error **err)
{
	sqlite3_stmt *statement = request->topology != NULL ? s->event_of : s->event_all;
	int64_t after = request->after > INT64_MAX ? INT64_MAX : (int64_t)request->after;
	(void)sqlite3_bind_int64(statement, 1, after);
	(void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)request->limit + 1);
	if (request->topology != NULL)
		(void)sqlite3_bind_text(statement, 3, request->topology, -1, SQLITE_STATIC);
	int r = 0, step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(&s->db, "read", err);
		else if (request->found.count == request->limit)
			request->more = true;
		else
			event_read(s, request, statement);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return r;
}

/* ---- all that wait: one transaction ---- */

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
		} else if (events_list(s, request, &request->err) < 0) {
			continue; /* reported to the caller; no other request is affected */
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
	data_table_rolled_back(&s->data);
}

static int requests_commit(struct sqlite_store *s, struct worker_job *jobs, struct error **err)
{
	if (!requests_write(jobs))
		return requests_work(s, jobs, err);
	uint64_t began_ns = uv_hrtime();
	int r = database_step(&s->db, s->begin, err);
	if (r == 0)
		r = requests_work(s, jobs, err);
	if (r == 0)
		r = ledger_write(&s->ledger, err);
	if (r == 0)
		r = database_step(&s->db, s->commit, err);
	if (r < 0 && sqlite3_get_autocommit(s->db.handle) == 0)
		(void)sqlite3_exec(s->db.handle, "ROLLBACK", NULL, NULL, NULL);
	if (r == 0)
		ledger_committed(&s->ledger);
	else
		rolled_back(s);
	s->transactions++;
	s->commit_us += (uv_hrtime() - began_ns) / 1000;
	s->wal_pages = s->db.wal_pages;
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
		vector_for_each (&request->found, event)
			samoza__v1__event_record__free_unpacked(*event, NULL);
		vector_clear(&request->found);
		request->more = false;
		error_free(steal_ptr(&request->err));
	}
}

/* Once, and on a full disk once more, with the room of the reserve, but without what grows. */
static int requests_try(struct sqlite_store *s, struct worker_job *jobs)
{
	error_free(steal_ptr(&s->broken));
	reserve_restore(&s->reserve);
	s->data.is_tight = reserve_is_missed(&s->reserve);
	int r = requests_commit(s, jobs, &s->broken);
	if (r == 0 || !s->db.is_full)
		return r;
	reserve_give(&s->reserve);
	database_checkpoint(&s->db); /* the log can be used from its beginning again */
	error_free(steal_ptr(&s->broken));
	requests_reset(jobs);
	s->data.is_tight = true;
	return requests_commit(s, jobs, &s->broken);
}

static void requests_commit_anyhow(struct sqlite_store *s, struct worker_job *jobs)
{
	struct retry retry = {0};
	while (requests_try(s, jobs) < 0) {
		if (!retry_wait(&retry, &s->db, s->retry_ms, &s->is_failing))
			return;
		requests_reset(jobs);
	}
	atomic_store(&s->is_failing, false);
}

static void store_run(void *owner, struct worker_job *jobs)
{
	struct sqlite_store *s = owner;
	/* A hole in the order of commits would be worse than none of them. */
	if (s->broken == NULL)
		requests_commit_anyhow(s, jobs);
	for (struct worker_job *j = jobs; s->broken != NULL && j != NULL; j = j->next)
		request_fail((struct store_request *)j, s->broken);
	/* What is in the log must still fit into the file. */
	int most = reserve_room(&s->reserve) < ROOM_SMALL ? CHECKPOINT_PAGES_SMALL
							  : CHECKPOINT_PAGES_BUSY;
	if (s->broken == NULL && s->db.wal_pages > most)
		database_checkpoint(&s->db);
}

static void store_idle(void *owner)
{
	struct sqlite_store *s = owner;
	if (s->broken == NULL && s->db.wal_pages > CHECKPOINT_PAGES)
		database_checkpoint(&s->db);
	if (s->broken == NULL)
		database_give_back(&s->db);
	reserve_restore(&s->reserve);
	ledger_sync(&s->ledger);
	s->wal_pages = s->db.wal_pages;
}

/* ---- in the loop's thread ---- */

static void request_free(struct store_request *request)
{
	for (size_t i = 0; request->answers != NULL && i < request->outbox->data.count; i++)
		data_answer_done(&request->answers[i]);
	free(request->answers);
	vector_for_each (&request->found, event)
		samoza__v1__event_record__free_unpacked(*event, NULL);
	vector_done(&request->found);
	free(request->topology);
	error_free(request->err);
	free(request);
}

static void store_done(void *owner, struct worker_job *base)
{
	(void)owner;
	struct store_request *request = (struct store_request *)base;
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
	worker_add(s->worker, &request->base);
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
	worker_add(s->worker, &request->base);
}

static int sqlite_store_inspect(struct store *store, store_finding_fn *each, void *user,
				struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->worker) == 0);
	return inspect_records(&s->db, each, user, err);
}

static int sqlite_store_accept_loss(struct store *store, struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->worker) == 0);
	int r = database_exec(&s->db, "DELETE FROM record WHERE sum<>checksum(kind, id, data)",
			      err);
	return r == 0 ? ledger_accept(&s->ledger, err) : r;
}

static int sqlite_store_load(struct store *store, store_record_fn *each, void *user,
			     struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	PRE(worker_waiting(s->worker) == 0);
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(&s->db,
				 "SELECT kind, id, data FROM record "
				 "WHERE sum=checksum(kind, id, data) ORDER BY kind, id",
				 &statement, err);
	int step;
	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = database_failed(&s->db, "read", err);
		else
			r = each(user, (enum record_kind)sqlite3_column_int(statement, 0),
				 (const char *)sqlite3_column_text(statement, 1),
				 sqlite3_column_blob(statement, 2),
				 (size_t)sqlite3_column_bytes(statement, 2), err);
	}
	(void)sqlite3_finalize(statement);
	return r;
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
	metric_set(to, WAITING, worker_waiting(s->worker));
	metric_set(to, WAL_PAGES, (uint64_t)s->wal_pages);
	metric_set(to, DAMAGED_EVENTS, s->damaged_events);
	metric_set(to, TIGHT, reserve_is_missed(&s->reserve));
	metric_set(to, FAILING, atomic_load(&s->is_failing));
}

const struct metric_source sqlite_store_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

static void statements_finalize(struct sqlite_store *s)
{
	sqlite3_stmt *const all[] = {s->begin,	       s->commit,    s->record_put,
				     s->record_delete, s->event_add, s->event_trim,
				     s->event_all,     s->event_of};
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
		{&s->event_add, "INSERT INTO event(seq,topology,data,sum) VALUES(?1,?2,?3,?4)"},
		{&s->event_trim, "DELETE FROM event WHERE seq<=?1"},
		{&s->event_all, "SELECT data, sum, seq, topology FROM event "
				"WHERE seq>?1 ORDER BY seq LIMIT ?2"},
		{&s->event_of, "SELECT data, sum, seq, topology FROM event "
			       "WHERE topology=?3 AND seq>?1 ORDER BY seq LIMIT ?2"},
	};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = database_prepare(&s->db, all[i].sql, all[i].statement, err);
	return r;
}

static int trim_start(struct sqlite_store *s, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(&s->db, "SELECT coalesce(min(seq), 1) - 1 FROM event",
				 &statement, err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) == SQLITE_ROW)
		s->trimmed_seq = sqlite3_column_int64(statement, 0);
	else
		r = database_failed(&s->db, "read", err);
	(void)sqlite3_finalize(statement);
	return r;
}

static void store_end(struct sqlite_store *s)
{
	statements_finalize(s);
	ledger_done(&s->ledger);
	reserve_done(&s->reserve);
	data_table_done(&s->data);
	database_close(&s->db);
	error_free(s->broken);
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
	worker_close(s->worker, worker_closed, s);
}

static int sqlite_store_keep_copy(struct store *store, const char *suffix, struct error **err)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	CLEANUP(freep) char *path = str_printf("%s%s", s->db.path, suffix);
	return database_copy(&s->db, path, &store_downgrade, err);
}

static bool sqlite_store_is_tight(const struct store *store)
{
	return reserve_is_missed(&((const struct sqlite_store *)store)->reserve);
}

static bool sqlite_store_is_failing(const struct store *store)
{
	return atomic_load(&((const struct sqlite_store *)store)->is_failing);
}

void sqlite_store_retry_for(struct store *store, int64_t ms)
{
	((struct sqlite_store *)store)->retry_ms = ms;
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
	.metrics = &sqlite_store_metrics,
	.close = sqlite_store_close,
};

int sqlite_store_open(struct loop *loop, const char *path, struct store **ret_store,
		      struct error **err)
{
	struct sqlite_store *s = mem_new(struct sqlite_store);
	s->store.ops = &store_ops;
	s->ledger.witness_fd = -1;
	s->retry_ms = RETRY_FOR_MS;
	reserve_init(&s->reserve, path);
	int r = database_open(&s->db, path, &store_schema, err);
	if (r < 0) {
		reserve_done(&s->reserve);
		free(s);
		return r;
	}
	r = statements_prepare(s, err);
	if (r == 0)
		r = data_table_init(&s->data, &s->db, &s->ledger.now.values, err);
	if (r == 0)
		r = ledger_init(&s->ledger, &s->db, err);
	if (r == 0)
		r = trim_start(s, err);
	if (r == 0)
		r = worker_new(loop, "store", &worker_ops, s, &s->worker, err);
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
