#include "adapter/sim/sim_store.h"

#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* A commit, a query of the history, or of the records. */
struct sim_request {
	struct sim_request *next, *prev;
	const struct outbox *outbox; /* commit: borrowed until it is answered */
	store_done_fn *committed;
	store_events_fn *listed;	   /* query */
	store_audit_fn *told;		   /* query of the audit */
	struct audit_query query;	   /* of the audit; its user is owned */
	const struct store_reader *reader; /* of all records; borrowed */
	uint64_t after;
	char *topology;
	uint32_t limit;
	void *user;
	bool is_written; /* commit: it has happened, and is not answered yet */
	struct data_answer *answers;
};

struct sim_store {
	struct store store; /* first */
	struct sim_disk *disk;
	struct sim_store_hooks hooks;
	struct sim_request *requests; /* oldest first */
	size_t waiting;
	enum commit_outcome broken; /* the first one that was not durable */
	uint64_t fence;		    /* 0: it has none */
};

static struct sim_store *sim_of(struct store *store)
{
	return (struct sim_store *)store;
}

/* ---- asked ---- */

static struct sim_request *ask(struct store *store, void *user)
{
	struct sim_store *s = sim_of(store);
	struct sim_request *request = mem_new(struct sim_request);
	request->user = user;
	DL_APPEND(s->requests, request);
	s->waiting++;
	return request;
}

static void tell_asked(struct store *store)
{
	const struct sim_store *s = sim_of(store);
	if (s->hooks.asked != NULL)
		s->hooks.asked(s->hooks.user);
}

static void sim_commit(struct store *store, const struct outbox *outbox, store_done_fn *done,
		       void *user)
{
	struct sim_request *request = ask(store, user);
	request->outbox = outbox;
	request->committed = done;
	tell_asked(store);
}

static void sim_events(struct store *store, uint64_t after, const char *topology,
		       uint32_t limit, store_events_fn *done, void *user)
{
	struct sim_request *request = ask(store, user);
	request->after = after;
	request->topology = mem_strdup(topology);
	request->limit = limit;
	request->listed = done;
	tell_asked(store);
}

static void sim_audit(struct store *store, const struct audit_query *query,
		      store_audit_fn *done, void *user)
{
	struct sim_request *request = ask(store, user);
	request->query = *query;
	request->query.user = mem_strdup(query->user);
	request->told = done;
	tell_asked(store);
}

static void sim_read(struct store *store, const struct store_reader *reader, void *user)
{
	struct sim_request *request = ask(store, user);
	request->reader = reader;
	tell_asked(store);
}

static int load_records(const struct sim_store *s, store_record_fn *each, void *user,
			struct error **err)
{
	int r = 0;
	sim_disk_for_each (s->disk, record) {
		r = each(user, (enum record_kind)record->kind, record->id, record->data,
			 record->size, err);
		if (r < 0)
			break;
	}
	return r;
}

static int sim_load(struct store *store, store_record_fn *each, void *user, struct error **err)
{
	const struct sim_store_hooks *hooks = &sim_of(store)->hooks;
	PRE(sim_of(store)->waiting == 0);
	if (hooks->load_fails != NULL && hooks->load_fails(hooks->user))
		return error_set(err, ERR_IO, "the disk cannot be read");
	return load_records(sim_of(store), each, user, err);
}

/* A simulated disk forgets nothing. */
static int sim_inspect(struct store *store, store_finding_fn *each, void *user,
		       struct error **err)
{
	(void)store, (void)each, (void)user, (void)err;
	return 0;
}

static int sim_accept_loss(struct store *store, struct error **err)
{
	(void)store, (void)err;
	return 0;
}

static int sim_keep_copy(struct store *store, const char *suffix, struct error **err)
{
	PRE(sim_of(store)->waiting == 0);
	(void)err;
	sim_disk_keep_copy(sim_of(store)->disk, suffix);
	return 0;
}

/* ---- answered ---- */

static struct sim_request *take_oldest(struct sim_store *s)
{
	struct sim_request *request = s->requests;
	PRE(request != NULL);
	DL_DELETE(s->requests, request);
	s->waiting--;
	return request;
}

static void request_free(struct sim_request *request)
{
	free(request->topology);
	free((char *)request->query.user);
	free(request);
}

/* The caller frees with answers_free(). */
static struct data_answer *write_batch(struct sim_store *s, const struct outbox *o)
{
	struct data_answer *answers = mem_new_array(struct data_answer, o->data.count + 1);
	struct data_answer none;
	s->disk->last_batch++;
	vector_for_each (&o->records, r)
		sim_disk_put(s->disk, (int)r->kind, r->id, r->data, r->size);
	vector_for_each (&o->events, e)
		sim_disk_add_event(s->disk, *e);
	vector_for_each (&o->audit, line)
		sim_disk_add_audit(s->disk, *line);
	vector_for_each (&o->data_forget, owner)
		sim_disk_apply(s->disk,
			       &(struct kv_change){.operation = KV_FORGET, .owner = *owner},
			       &none);
	for (size_t i = 0; i < o->data.count; i++) {
		const struct kv_change change = data_change_as_kv(&o->data.items[i]);
		sim_disk_apply(s->disk, &change, &answers[i]);
	}
	if (s->hooks.written != NULL)
		s->hooks.written(s->hooks.user, o, answers);
	return answers;
}

static void answers_free(struct data_answer *answers, size_t count)
{
	for (size_t i = 0; answers != NULL && i < count; i++)
		data_answer_done(&answers[i]);
	free(answers);
}

static void why_of(enum commit_outcome outcome, struct error **ret_why)
{
	if (outcome == COMMIT_FAILED)
		(void)error_set(ret_why, ERR_IO, "the disk is full");
	else if (outcome == COMMIT_LOST_LEADERSHIP)
		(void)error_set(ret_why, ERR_CONFLICT, "another zrms leads");
}

static void list_events(const struct sim_store *s, const struct sim_request *q)
{
	CLEANUP(error_freep) struct error *why = NULL;
	VECTOR(Samoza__V1__EventRecord *) found = {0};
	bool more = false;
	if (s->broken != COMMIT_DURABLE) {
		why_of(s->broken, &why);
		q->listed(q->user, (int)why->code, why, NULL, 0, false);
		return;
	}
	vector_for_each (&s->disk->events, e) {
		if ((*e)->seq <= q->after ||
		    (q->topology != NULL && !str_equal((*e)->topology, q->topology)))
			continue;
		more = found.count == q->limit;
		if (more)
			break;
		vector_push(&found, *e);
	}
	q->listed(q->user, 0, NULL, found.items, found.count, more);
	vector_done(&found);
}

static void list_audit(const struct sim_store *s, const struct sim_request *q)
{
	CLEANUP(error_freep) struct error *why = NULL;
	VECTOR(Samoza__V1__AuditRecord *) found = {0};
	bool more = false;
	why_of(s->broken, &why);
	vector_for_each (&s->disk->audit, line) {
		if (why != NULL || (*line)->seq <= q->query.after ||
		    (*line)->time_ms < q->query.since_ms ||
		    (q->query.user != NULL && !str_equal((*line)->user, q->query.user)))
			continue;
		more = found.count == q->query.limit;
		if (more)
			break;
		vector_push(&found, *line);
	}
	q->told(q->user, why != NULL ? (int)why->code : 0, why, found.items, found.count, more);
	vector_done(&found);
}

static void read_records(const struct sim_store *s, const struct sim_request *q)
{
	CLEANUP(error_freep) struct error *why = NULL;
	why_of(s->broken, &why);
	int r = why == NULL ? load_records(s, q->reader->on_record, q->user, &why) : 0;
	if (r == 0 && why == NULL)
		r = q->reader->on_end(q->user, &why);
	q->reader->done(q->user, why != NULL ? (int)why->code : r, why);
}

/* Compared in the transaction of the write itself. */
static bool is_fenced_off(const struct sim_store *s)
{
	return s->fence != 0 && s->hooks.fence(s->hooks.user) != s->fence;
}

static void answer_commit(struct sim_store *s, const struct sim_request *q,
			  enum commit_outcome outcome, bool is_written)
{
	CLEANUP(error_freep) struct error *why = NULL;
	struct data_answer *answers = q->answers;
	size_t count = q->outbox->data.count;
	if (s->broken != COMMIT_DURABLE)
		outcome = s->broken;
	else if (q->is_written)
		outcome = COMMIT_DURABLE;
	else if (is_fenced_off(s))
		outcome = COMMIT_LOST_LEADERSHIP;
	else if (outcome == COMMIT_DURABLE || is_written)
		answers = write_batch(s, q->outbox);
	s->broken = outcome;
	why_of(outcome, &why);
	q->committed(q->user, outcome, why, answers);
	answers_free(answers, count);
}

static void answer_read(struct sim_store *s, const struct sim_request *q)
{
	if (q->reader != NULL)
		read_records(s, q);
	else if (q->told != NULL)
		list_audit(s, q);
	else
		list_events(s, q);
}

void sim_store_answer(struct store *store, enum commit_outcome outcome, bool is_written)
{
	struct sim_store *s = sim_of(store);
	struct sim_request *request = take_oldest(s);
	if (request->outbox != NULL)
		answer_commit(s, request, outcome, is_written);
	else
		answer_read(s, request);
	request_free(request);
}

void sim_store_fence(struct store *store, uint64_t mine)
{
	sim_of(store)->fence = mine;
}

void sim_store_carry_out(struct store *store, size_t count)
{
	struct sim_store *s = sim_of(store);
	struct sim_request *request = NULL;
	DL_FOREACH (s->requests, request) {
		if (count == 0 || s->broken != COMMIT_DURABLE || is_fenced_off(s))
			return;
		count--;
		if (request->outbox == NULL || request->is_written)
			continue;
		request->answers = write_batch(s, request->outbox);
		request->is_written = true;
	}
}

void sim_store_settle(struct store *store, bool is_written)
{
	struct sim_store *s = sim_of(store);
	struct sim_request *oldest = s->requests;
	PRE(oldest != NULL && oldest->outbox != NULL);
	bool has_happened = oldest->is_written;
	uint64_t before = s->disk->last_batch;
	if (is_written)
		sim_store_carry_out(store, 1);
	/* Asked afterwards, the number of the last batch tells. */
	has_happened |= s->disk->last_batch != before;
	oldest->is_written = has_happened;
	sim_store_answer(store, COMMIT_DURABLE, true);
}

void sim_store_answer_reads(struct store *store)
{
	struct sim_store *s = sim_of(store);
	struct sim_request *request, *next;
	DL_FOREACH_SAFE (s->requests, request, next) {
		if (request->outbox != NULL)
			continue;
		DL_DELETE(s->requests, request);
		s->waiting--;
		answer_read(s, request);
		request_free(request);
	}
}

bool sim_store_next_is_commit(const struct store *store)
{
	const struct sim_store *s = (const struct sim_store *)store;
	return s->requests != NULL && s->requests->outbox != NULL;
}

size_t sim_store_waiting(const struct store *store)
{
	return ((const struct sim_store *)store)->waiting;
}

/* ---- life ---- */

static void sim_close(struct store *store, void (*closed)(void *user), void *user)
{
	while (sim_of(store)->waiting > 0)
		sim_store_answer(store, COMMIT_DURABLE, true);
	free(store);
	closed(user);
}

void sim_store_crash(struct store *store, size_t written)
{
	struct sim_store *s = sim_of(store);
	while (s->waiting > 0) {
		struct sim_request *request = take_oldest(s);
		if (request->outbox != NULL && written > 0 && s->broken == COMMIT_DURABLE) {
			if (!request->is_written && !is_fenced_off(s))
				request->answers = write_batch(s, request->outbox);
			written--;
		}
		if (request->outbox != NULL)
			answers_free(request->answers, request->outbox->data.count);
		request_free(request);
	}
	free(s);
}

static const struct store_ops sim_store_ops = {
	.inspect = sim_inspect,
	.accept_loss = sim_accept_loss,
	.load = sim_load,
	.keep_copy = sim_keep_copy,
	.commit = sim_commit,
	.events = sim_events,
	.audit = sim_audit,
	.read = sim_read,
	.close = sim_close,
};

struct store *sim_store_new(struct sim_disk *disk, const struct sim_store_hooks *hooks)
{
	struct sim_store *s = mem_new(struct sim_store);
	s->store.ops = &sim_store_ops;
	s->disk = disk;
	if (hooks != NULL)
		s->hooks = *hooks;
	return &s->store;
}
