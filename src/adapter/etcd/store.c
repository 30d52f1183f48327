#include "adapter/etcd/store.h"

#include <stdatomic.h>

#include "adapter/etcd/inspect.h"
#include "adapter/etcd/moving.h"
#include "adapter/etcd/store_work.h"
#include "base/check.h"
#include "base/str.h"

/* ---- in the loop's thread ---- */

static void request_free(struct store_request *request)
{
	for (size_t i = 0; request->answers != NULL && i < request->outbox->data.count; i++)
		data_answer_done(&request->answers[i]);
	free(request->answers);
	etcd_history_events_clear(&request->found);
	vector_done(&request->found);
	etcd_history_lines_clear(&request->lines);
	vector_done(&request->lines);
	free((char *)request->query.user);
	free(request->topology);
	error_free(request->err);
	free(request);
}

static void commit_done(const struct etcd_store *s, struct store_request *request)
{
	enum commit_outcome outcome = request->err == NULL	  ? COMMIT_DURABLE
				      : atomic_load(&s->has_lost) ? COMMIT_LOST_LEADERSHIP
								  : COMMIT_FAILED;
	/* The outbox may be gone after the call. */
	struct data_answer *answers = request->answers;
	size_t count = request->outbox->data.count;
	request->committed(request->user, outcome, request->err, answers);
	for (size_t i = 0; i < count; i++)
		data_answer_done(&answers[i]);
	free(answers);
	request->answers = NULL;
}

static void store_done(void *owner, struct worker_job *base)
{
	struct store_request *request = (struct store_request *)base;
	int code = request->err != NULL ? (int)request->err->code : 0;
	if (request->type == REQUEST_COMMIT)
		commit_done(owner, request);
	else if (request->type == REQUEST_READ)
		request->reader->done(request->user, code, request->err);
	else if (request->type == REQUEST_AUDIT)
		request->told(request->user, code, request->err, request->lines.items,
			      request->lines.count, request->more);
	else
		request->listed(request->user, code, request->err, request->found.items,
				request->found.count, request->more);
	request_free(request);
}

static const struct worker_ops worker_ops = {.run = etcd_store_work, .done = store_done};

static struct store_request *request_new(enum request_type type, void *user)
{
	struct store_request *request = mem_new(struct store_request);
	request->type = type;
	request->user = user;
	return request;
}

static void etcd_store_commit(struct store *store, const struct outbox *outbox,
			      store_done_fn *done, void *user)
{
	struct etcd_store *s = (struct etcd_store *)store;
	struct store_request *request = request_new(REQUEST_COMMIT, user);
	request->outbox = outbox;
	request->answers = outbox->data.count > 0
				   ? mem_new_array(struct data_answer, outbox->data.count)
				   : NULL;
	request->committed = done;
	worker_add(s->worker, &request->base);
}

static void etcd_store_events(struct store *store, uint64_t after, const char *topology,
			      uint32_t limit, store_events_fn *done, void *user)
{
	struct etcd_store *s = (struct etcd_store *)store;
	struct store_request *request = request_new(REQUEST_EVENTS, user);
	request->after = after;
	request->topology = mem_strdup(topology);
	request->limit = limit < ETCD_EVENTS_MAX ? limit : ETCD_EVENTS_MAX;
	request->listed = done;
	worker_add(s->worker, &request->base);
}

static void etcd_store_audit(struct store *store, const struct audit_query *query,
			     store_audit_fn *done, void *user)
{
	struct etcd_store *s = (struct etcd_store *)store;
	struct store_request *request = request_new(REQUEST_AUDIT, user);
	request->query = *query;
	request->query.user = mem_strdup(query->user);
	if (query->limit > ETCD_EVENTS_MAX)
		request->query.limit = ETCD_EVENTS_MAX;
	request->told = done;
	worker_add(s->worker, &request->base);
}

static void etcd_store_read(struct store *store, const struct store_reader *reader, void *user)
{
	struct etcd_store *s = (struct etcd_store *)store;
	struct store_request *request = request_new(REQUEST_READ, user);
	request->reader = reader;
	worker_add(s->worker, &request->base);
}

static int etcd_store_load(struct store *store, store_record_fn *each, void *user,
			   struct error **err)
{
	struct etcd_store *s = (struct etcd_store *)store;
	PRE(worker_waiting(s->worker) == 0);
	return etcd_records_load(s, each, user, err);
}

static int etcd_store_inspect(struct store *store, store_finding_fn *each, void *user,
			      struct error **err)
{
	struct etcd_store *s = (struct etcd_store *)store;
	PRE(worker_waiting(s->worker) == 0);
	if (s->ahead != NULL) /* their checksums are right, and those that the ledger counts */
		return 0;
	return etcd_inspect_records(s->rpc, &s->ledger.committed, each, user, err);
}

static int etcd_store_accept_loss(struct store *store, struct error **err)
{
	struct etcd_store *s = (struct etcd_store *)store;
	PRE(worker_waiting(s->worker) == 0 && !s->is_indexed);
	return etcd_inspect_accept(s->rpc, &s->ledger, err);
}

static bool etcd_store_is_tight(const struct store *store)
{
	return atomic_load(&((const struct etcd_store *)store)->is_full);
}

static bool etcd_store_is_failing(const struct store *store)
{
	return atomic_load(&((const struct etcd_store *)store)->is_failing);
}

/* ---- metrics ---- */

enum {
	TRANSACTIONS,
	BATCHES,
	RECORDS,
	EVENTS,
	COMMIT_TIME,
	LARGEST_GROUP,
	WAITING,
	UNKNOWN,
	DIVIDED,
	READ_AHEAD,
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
	[UNKNOWN] = {"zrms_store_unknown_outcomes_total", METRIC_COUNTER,
		     "Transactions that were sent and not answered; what became of each was "
		     "asked for before anything else was sent."},
	[DIVIDED] =
		{"zrms_store_divided_total", METRIC_COUNTER,
		 "Transactions that were too large for one of etcd's, and were carried out in "
		 "several."},
	[READ_AHEAD] =
		{"zrms_store_read_ahead", METRIC_GAUGE,
		 "Records that had been read ahead when this zrms won; 0: they were read "
		 "then."},
	[DAMAGED_EVENTS] = {"zrms_store_damaged_events_total", METRIC_COUNTER,
			    "Events that were read with a wrong checksum, and left out."},
	[DAMAGED_AUDIT] = {"zrms_store_damaged_audit_total", METRIC_COUNTER,
			   "Lines of the audit that were read with a wrong checksum, and left "
			   "out."},
	[TIGHT] = {"zrms_store_tight", METRIC_GAUGE,
		   "1: the quota of etcd is used up, and nothing is accepted."},
	[FAILING] = {"zrms_store_failing", METRIC_GAUGE,
		     "1: a transaction failed and is tried again."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct etcd_store *s = part;

	metric_set(to, TRANSACTIONS, s->transactions);
	metric_set(to, BATCHES, s->batches);
	metric_set(to, RECORDS, s->records);
	metric_set(to, EVENTS, s->events);
	metric_set_us(to, COMMIT_TIME, s->commit_us);
	metric_set(to, LARGEST_GROUP, s->largest);
	metric_set(to, WAITING, worker_waiting(s->worker));
	metric_set(to, UNKNOWN, s->unknown);
	metric_set(to, DIVIDED, s->divided);
	metric_set(to, READ_AHEAD, s->read_ahead);
	metric_set(to, DAMAGED_EVENTS, s->history.damaged_events);
	metric_set(to, DAMAGED_AUDIT, s->history.damaged_lines);
	metric_set(to, TIGHT, atomic_load(&s->is_full));
	metric_set(to, FAILING, atomic_load(&s->is_failing));
}

const struct metric_source etcd_store_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

static void store_end(struct etcd_store *s)
{
	etcd_ledger_done(&s->ledger);
	etcd_history_done(&s->history);
	index_done(&s->index);
	error_free(s->broken);
	rpc_free(s->rpc);
	free(s->witness_path);
	free(s);
}

static void worker_closed(void *user)
{
	struct etcd_store *s = user;
	void (*closed)(void *) = s->closed;
	void *closed_user = s->closed_user;
	store_end(s);
	closed(closed_user);
}

static void etcd_store_close(struct store *store, void (*closed)(void *user), void *user)
{
	struct etcd_store *s = (struct etcd_store *)store;
	s->closed = closed;
	s->closed_user = user;
	worker_close(s->worker, worker_closed, s);
}

void etcd_store_retry_for(struct store *store, int64_t ms)
{
	((struct etcd_store *)store)->retry_ms = ms;
}

void etcd_store_keep_events(struct store *store, uint64_t count)
{
	((struct etcd_store *)store)->history.kept = count;
}

static const struct store_ops store_ops = {
	.inspect = etcd_store_inspect,
	.accept_loss = etcd_store_accept_loss,
	.load = etcd_store_load,
	.commit = etcd_store_commit,
	.events = etcd_store_events,
	.audit = etcd_store_audit,
	.read = etcd_store_read,
	.is_tight = etcd_store_is_tight,
	.is_failing = etcd_store_is_failing,
	.moving = &etcd_store_moving,
	.metrics = &etcd_store_metrics,
	.close = etcd_store_close,
};

/* Before anything is written. What is restored stays so until the first batch is durable, which says what came of it. */
static int life_look(struct etcd_store *s, struct error **err)
{
	struct etcd_life_now now = {0};
	int r = etcd_life_read(s->rpc, &now, err);
	if (r < 0)
		return r;
	etcd_witness_read(s->witness_path, &s->witness);
	const char *why = etcd_life_judge(&s->ledger.life, &s->witness, &now);
	if (why != NULL && s->ledger.revision != 0) {
		s->store.restored = why;
		s->store.restored_ms = s->ledger.life.wall_ms;
	}
	s->witness = (struct etcd_witness){0}; /* what it says is of another time */
	s->life = (struct etcd_life){.cluster = now.cluster,
				     .lead = now.lead_min,
				     .restored_ms = s->store.restored != NULL
							    ? etcd_life_clock()
							    : s->ledger.life.restored_ms};
	return 0;
}

/* A copy that is later than that was not following, and everything is read sooner than it comes. */
enum { COPY_PATIENCE_MS = 1500 };

static int content_open(struct etcd_store *s, const struct etcd_store_options *options,
			struct error **err)
{
	int r = etcd_ledger_open(&s->ledger, s->rpc, (int64_t)options->fence, err);
	if (r == 0)
		r = life_look(s, err);
	if (r == 0)
		r = parts_finish(s->rpc, &s->ledger, err);
	/* What was read before it was set back is of another history. */
	if (r == 0 && options->copy != NULL && s->store.restored == NULL)
		s->ahead = etcd_copy_take(options->copy, &s->ledger, COPY_PATIENCE_MS);
	if (s->ahead != NULL)
		s->read_ahead = s->ahead->count;
	if (r == 0)
		r = etcd_history_init(&s->history, s->rpc, err);
	s->history.older = options->older;
	if (options->events_kept > 0)
		s->history.kept = options->events_kept;
	return r;
}

int etcd_store_open(struct loop *loop, const struct etcd_store_options *options,
		    struct store **ret_store, struct error **err)
{
	enum { RETRY_FOR_MS = 30000 };
	struct etcd_store *s = mem_new(struct etcd_store);
	s->store.ops = &store_ops;
	s->store.limits = (struct batch_size){.bytes = ETCD_BATCH_BYTES,
					      .operations = ETCD_BATCH_OPERATIONS};
	s->limits =
		(struct txn_limits){.operations = ETCD_TXN_OPERATIONS, .bytes = ETCD_TXN_BYTES};
	s->retry_ms = RETRY_FOR_MS;
	s->witness_path = mem_strdup(options->witness);
	int r = rpc_new(&options->servers, &s->rpc, err);
	if (r == 0)
		rpc_be_patient(s->rpc, &options->patience);
	if (r == 0)
		r = content_open(s, options, err);
	if (r == 0)
		r = worker_new(loop, "store", &worker_ops, s, &s->worker, err);
	if (r < 0) {
		store_end(s);
		return r;
	}
	*ret_store = &s->store;
	return 0;
}
