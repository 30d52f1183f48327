#include "adapter/etcd/store_work.h"

#include <poll.h>
#include <time.h>

#include "adapter/etcd/group.h"
#include "adapter/etcd/scan.h"
#include "base/check.h"

enum { PAUSE_MS = 100 };

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- records ---- */

struct loading {
	struct etcd_store *s;
	store_record_fn *each; /* NULL: only the index */
	void *user;
	bool is_indexing;
};

static int record_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct loading *l = user;
	enum record_kind kind;
	CLEANUP(freep) char *id = NULL;
	bytes value;
	uint64_t sum;
	if (!key_is_record(kv->key, &kind, &id) ||
	    !value_unpack(kv->key, kv->value, &value, &sum))
		return 0; /* damaged: inspect() says it */
	if (l->is_indexing)
		index_set(&l->s->index, kv->key, sum);
	if (l->each == NULL)
		return 0;
	int r = l->each(l->user, kind, id, value.data, value.len, err);
	return r < 0 ? r : 0;
}

/* As record_found() for each that was read ahead. */
static int ahead_load(struct etcd_store *s, store_record_fn *each, void *user,
		      struct error **err)
{
	const struct ahead_record *r = NULL, *next = NULL;
	ahead_sort(s->ahead);
	HASH_ITER (hh, s->ahead->records, r, next) {
		bytes key = {.len = r->key_size, .data = (uint8_t *)r->bytes};
		CLEANUP(freep) char *id = NULL;
		enum record_kind kind;
		index_set(&s->index, key, r->sum);
		if (!key_is_record(key, &kind, &id))
			continue;
		int e = each(user, kind, id, ahead_data(r), r->size, err);
		if (e < 0)
			return e;
	}
	s->is_indexed = true;
	return 0;
}

int etcd_records_load(struct etcd_store *s, store_record_fn *each, void *user,
		      struct error **err)
{
	struct loading loading = {s, each, user, !s->is_indexed};
	if (s->ahead != NULL && each != NULL) {
		int loaded = ahead_load(s, each, user, err);
		s->ahead = NULL;
		return loaded;
	}
	int r = scan_prefix(s->rpc, KEY_RECORD, record_found, &loading, err);
	if (r == 0)
		s->is_indexed = true;
	else if (!s->is_indexed)
		index_done(&s->index);
	return r;
}

/* ---- what is read ---- */

static void request_read(struct etcd_store *s, struct store_request *request)
{
	int r = 0;
	if (request->type == REQUEST_EVENTS)
		r = etcd_history_list(&s->history, request->after, request->topology,
				      request->limit, &request->found, &request->more,
				      &request->err);
	else if (request->type == REQUEST_AUDIT)
		r = etcd_history_list_lines(&s->history, &request->query, &request->lines,
					    &request->more, &request->err);
	else
		r = etcd_records_load(s, request->reader->on_record, request->user,
				      &request->err);
	if (request->type == REQUEST_READ && r == 0)
		(void)!request->reader->on_end(request->user, &request->err);
	request->is_worked = true;
}

static bool is_reading(const struct worker_job *job)
{
	const struct store_request *request = (const struct store_request *)job;
	return request->type != REQUEST_COMMIT && !request->is_worked;
}

/* What is durable can be read while a commit fails, where etcd answers. */
static void read_meanwhile(struct etcd_store *s, struct worker_job **jobs)
{
	Etcd__RangeResponse *answer = NULL;
	if (scan_get(s->rpc, KEY_LEDGER, &answer, NULL) < 0)
		return; /* asking for much would take long to fail */
	etcd__range_response__free_unpacked(answer, NULL);
	struct worker_job *asked = worker_split(s->worker, jobs, is_reading);
	for (struct worker_job *j = asked; j != NULL; j = j->next)
		request_read(s, (struct store_request *)j);
	worker_answer(s->worker, asked);
}

/* ---- commits ---- */

static void answers_clear(struct worker_job *from)
{
	for (struct worker_job *j = from; j != NULL; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		for (size_t i = 0; request->answers != NULL && i < request->outbox->data.count;
		     i++)
			data_answer_done(&request->answers[i]);
	}
}

/* The batches from `from` on that fit. */
static int group_fill(struct group *g, struct worker_job *from, struct error **err)
{
	int r = 0;
	for (struct worker_job *j = from; j != NULL && r == 0; j = j->next) {
		struct store_request *request = (struct store_request *)j;
		if (request->type != REQUEST_COMMIT || !group_has_room(g, request->outbox))
			break;
		r = group_add(g, request, err);
	}
	return r;
}

/* One attempt: the group is filled where it is empty, and sent. */
static int attempt(struct etcd_store *s, struct group *g, struct worker_job *from,
		   bool *ret_is_final, struct error **err)
{
	int r = 0;
	*ret_is_final = false;
	if (!s->is_indexed)
		r = etcd_records_load(s, NULL, NULL, err);
	if (r == 0 && !g->is_complete) {
		group_done(g);
		group_init(g, s);
		answers_clear(from);
		r = group_fill(g, from, err);
	}
	return r == 0 ? group_commit(g, ret_is_final, err) : r;
}

/* False: it was tried long enough, or trying is of no use. */
static bool retry_wait(struct etcd_store *s, bool is_final, int64_t *until_ms)
{
	if (is_final || s->retry_ms == 0)
		return false;
	if (*until_ms == 0)
		*until_ms = now_ms() + s->retry_ms;
	if (now_ms() >= *until_ms)
		return false;
	if (!atomic_exchange(&s->is_failing, true))
		worker_wake_loop(s->worker);
	(void)poll(NULL, 0, PAUSE_MS);
	return true;
}

/* Of the batches of a group, which are those from `from` on. Returns the job after them. */
static struct worker_job *group_take(struct etcd_store *s, const struct group *g,
				     struct worker_job *from)
{
	struct worker_job *j = from;
	for (size_t i = 0; i < g->batches; i++, j = j->next) {
		struct store_request *request = (struct store_request *)j;
		request->is_worked = true;
		s->records += request->outbox->records.count;
		s->events += request->outbox->events.count;
	}
	s->batches += g->batches;
	if (g->batches > s->largest)
		s->largest = g->batches;
	s->transactions += group_writes(g) ? 1 : 0;
	return j;
}

/* Commits from `from` on, as many as fit; returns the first that is not among them. After a failure that did not
 * pass, s->broken. */
static struct worker_job *commit_some(struct etcd_store *s, struct worker_job *from,
				      struct worker_job **jobs)
{
	int64_t until_ms = 0, began_ms = now_ms();
	struct group group;
	bool is_final = false;
	group_init(&group, s);
	int r;
	while ((r = attempt(s, &group, from, &is_final, &s->broken)) < 0) {
		if (!retry_wait(s, is_final, &until_ms))
			break;
		error_free(steal_ptr(&s->broken));
		if (!group_is_halfway(&group))
			read_meanwhile(s, jobs);
	}
	if (r == 0)
		from = group_take(s, &group, from);
	atomic_store(&s->is_failing, false);
	s->commit_us += (uint64_t)(now_ms() - began_ms) * 1000;
	group_done(&group);
	return from;
}

static void request_fail(struct store_request *request, const struct error *why)
{
	if (request->err == NULL && !request->is_worked)
		(void)error_set(&request->err, why->code, "%s", why->message);
}

void etcd_store_work(void *owner, struct worker_job **jobs)
{
	struct etcd_store *s = owner;
	struct worker_job *j = *jobs;
	rpc_be_patient(s->rpc,
		       &(struct etcd_patience){0}); /* from here on commits have theirs */
	while (j != NULL && s->broken == NULL) {
		struct store_request *request = (struct store_request *)j;
		if (request->type != REQUEST_COMMIT) {
			request_read(s, request);
			j = j->next;
			continue;
		}
		j = commit_some(s, j, jobs);
	}
	for (j = *jobs; s->broken != NULL && j != NULL; j = j->next)
		request_fail((struct store_request *)j, s->broken);
}
