#include "adapter/etcd/group.h"

#include "base/check.h"

enum {
	COMMIT_MS = 3000, /* an attempt, and for each MiB */
	COMMIT_MIB_MS = 1000,
	HELD_MAX =
		16 * 1024 * 1024, /* of what a group has read, before another batch is added */
};

void group_init(struct group *g, struct etcd_store *s)
{
	*g = (struct group){.s = s};
	data_init(&g->data, s->rpc);
	s->ledger.next = s->ledger.committed;
	etcd_history_begin(&s->history);
}

void group_done(struct group *g)
{
	txn_done(&g->step);
	txn_done(&g->txn);
	parts_done(&g->parts);
	data_done(&g->data);
}

/* ---- what is in it ---- */

/* Of a transaction, at most: a value of a space changes what its owner has, too. */
static size_t operations_of(const struct outbox *o)
{
	return o->records.count + 2 * o->events.count + 17 * o->audit.count +
	       2 * o->data.count + 2 * o->data_forget.count;
}

bool group_has_room(const struct group *g, const struct outbox *outbox)
{
	struct batch_size size = store_batch_size(outbox);
	return g->batches == 0 ||
	       (g->data.held_bytes < HELD_MAX &&
		g->operations + operations_of(outbox) < g->s->limits.operations / 2 &&
		g->bytes + size.bytes < g->s->limits.bytes / 2);
}

static void records_add(struct group *g, const struct outbox *o)
{
	vector_for_each (&o->records, change) {
		bytes key = key_record(change->kind, change->id);
		uint64_t sum;
		if (change->data != NULL)
			txn_put(&g->txn, key,
				value_pack(key, change->data, change->size, &sum));
		else
			txn_delete(&g->txn, key);
	}
}

static int audit_add(struct group *g, const struct outbox *o, struct error **err)
{
	struct etcd_store *s = g->s;
	int r = 0;
	vector_for_each (&o->audit, line) {
		if (r < 0)
			break;
		etcd_history_add_line(&g->txn, *line, &s->ledger.next.audit_bytes);
		r = etcd_history_trim_lines(&s->history, &g->txn, *line, &s->store.audit,
					    &s->ledger.next.audit_bytes, err);
	}
	return r;
}

static int data_add(struct group *g, struct store_request *request, struct error **err)
{
	const struct outbox *o = request->outbox;
	int r = data_fetch(&g->data, o, err);
	vector_for_each (&o->data_forget, owner)
		if (r == 0)
			r = data_forget(&g->data, *owner, err);
	for (size_t i = 0; i < o->data.count && r == 0; i++) {
		const struct kv_change change = data_change_as_kv(&o->data.items[i]);
		r = data_apply(&g->data, &change, &request->answers[i], err);
	}
	return r;
}

int group_add(struct group *g, struct store_request *request, struct error **err)
{
	const struct outbox *o = request->outbox;
	PRE(!g->is_complete);
	g->operations += operations_of(o);
	g->bytes += store_batch_size(o).bytes;
	g->batches++;
	records_add(g, o);
	vector_for_each (&o->events, event)
		etcd_history_add_event(&g->txn, *event);
	if (o->events.count > 0)
		etcd_history_trim(&g->s->history, &g->txn, (*vector_last(&o->events))->seq);
	int r = audit_add(g, o, err);
	return r == 0 ? data_add(g, request, err) : r;
}

bool group_writes(const struct group *g)
{
	return g->txn.writes != NULL || g->txn.ranges.count > 0;
}

/* ---- what becomes of it ---- */

static void divide(struct group *g)
{
	struct etcd_store *s = g->s;
	parts_cut(&g->parts, &g->request);
	parts_decide(&g->parts, &s->ledger, &g->step);
	(void)txn_request(&g->step, &g->request);
	s->divided++;
}

static void complete(struct group *g)
{
	struct etcd_store *s = g->s;
	data_write(&g->data, &g->txn, &s->ledger.next.values);
	g->is_complete = true;
	if (!group_writes(g))
		return;
	s->ledger.life = s->life;
	s->ledger.life.wall_ms = etcd_life_clock();
	etcd_ledger_write(&s->ledger, &g->txn, &s->index);
	(void)txn_request(&g->txn, &g->request);
	if (g->request.n_success > s->limits.operations || g->txn.value_bytes > s->limits.bytes)
		divide(g);
}

static int happened(struct group *g, int64_t revision)
{
	struct etcd_store *s = g->s;
	etcd_witness_note(s->witness_path, &s->witness, s->life.cluster, revision);
	etcd_ledger_committed(&s->ledger, revision, &s->index, &g->txn);
	etcd_history_committed(&s->history);
	atomic_store(&s->is_full, false);
	return 0;
}

static int refused(struct group *g, bool *ret_is_final, struct error **err)
{
	atomic_store(&g->s->has_lost, true);
	*ret_is_final = true;
	return error_set(err, ERR_STALE,
			 "etcd refuses a transaction, because another zrms leads");
}

static int verdict_take(struct group *g, enum ledger_verdict verdict, int64_t revision,
			bool *ret_is_final, struct error **err)
{
	if (verdict == LEDGER_HAPPENED)
		return happened(g, revision);
	if (verdict == LEDGER_OF_ANOTHER)
		return refused(g, ret_is_final, err);
	g->is_unknown = false;
	return error_set(err, ERR_UNAVAILABLE, "etcd has not made a transaction");
}

static const Etcd__KeyValue *read_kv(const Etcd__TxnResponse *answer, size_t index)
{
	if (index >= answer->n_responses ||
	    answer->responses[index]->response_case != ETCD__RESPONSE_OP__RESPONSE_RANGE ||
	    answer->responses[index]->range->n_kvs == 0)
		return NULL;
	return answer->responses[index]->range->kvs[0];
}

/* Refused by its comparisons: what they compare was read. An earlier attempt of it may have happened late. */
static int answer_take(struct group *g, const Etcd__TxnResponse *answer, bool *ret_is_final,
		       struct error **err)
{
	int64_t revision = answer->header != NULL ? answer->header->revision : 0;
	if (answer->succeeded)
		return happened(g, revision);
	enum ledger_verdict verdict = etcd_ledger_judge(&g->s->ledger, read_kv(answer, 0),
							read_kv(answer, 1), &revision);
	return verdict_take(g, verdict, revision, ret_is_final, err);
}

static int group_send(struct group *g, bool *ret_is_final, struct error **err)
{
	struct etcd_store *s = g->s;
	ProtobufCMessage *answer = NULL;
	int64_t mib = (int64_t)(g->txn.value_bytes / (1024u * 1024));
	int r = rpc_call(s->rpc, &rpc_txn, &g->request.base, COMMIT_MS + mib * COMMIT_MIB_MS,
			 &answer, err);
	if (r == 0) {
		r = answer_take(g, (const Etcd__TxnResponse *)answer, ret_is_final, err);
		protobuf_c_message_free_unpacked(answer, NULL);
		return r;
	}
	g->is_unknown = rpc_may_have_happened(s->rpc);
	if (g->is_unknown)
		s->unknown++;
	if (r == ERR_CONFLICT)
		atomic_store(&s->is_full, true);
	*ret_is_final = r == ERR_INVALID || r == ERR_LIMIT;
	return r;
}

static int settle(struct group *g, bool *ret_is_final, struct error **err)
{
	enum ledger_verdict verdict = LEDGER_NOT_YET;
	int64_t revision = 0;
	int r = etcd_ledger_settle(&g->s->ledger, g->s->rpc, &verdict, &revision, err);
	return r < 0 ? r : verdict_take(g, verdict, revision, ret_is_final, err);
}

/* The request, as often as it was asked for; it happens once. */
static int transact(struct group *g, bool *ret_is_final, struct error **err)
{
	if (g->is_unknown) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = settle(g, ret_is_final, &why);
		if (r == 0 || g->is_unknown || *ret_is_final) {
			if (r < 0)
				error_move(err, steal_ptr(&why));
			return r;
		}
	}
	return group_send(g, ret_is_final, err);
}

/* Of what is staged or carried. */
static int part_failed(struct group *g, int r, bool *ret_is_final)
{
	if (r == ERR_STALE)
		atomic_store(&g->s->has_lost, true);
	if (r == ERR_CONFLICT)
		atomic_store(&g->s->is_full, true);
	*ret_is_final = r == ERR_STALE || r == ERR_INVALID || r == ERR_LIMIT;
	return r;
}

static int decide(struct group *g, bool *ret_is_final, struct error **err)
{
	int r = parts_stage(&g->parts, g->s->rpc, &g->s->ledger, err);
	if (r < 0)
		return part_failed(g, r, ret_is_final);
	r = transact(g, ret_is_final, err);
	g->is_decided = r == 0;
	return r;
}

static int carry(struct group *g, bool *ret_is_final, struct error **err)
{
	struct etcd_store *s = g->s;
	int r = parts_carry(&g->parts, s->rpc, &s->ledger, &s->limits, err);
	if (r < 0)
		return part_failed(g, r, ret_is_final);
	if (!g->is_cleared_next) {
		txn_done(&g->step);
		g->step = (struct txn){0};
		parts_clear(&s->ledger, &g->step);
		(void)txn_request(&g->step, &g->request);
		g->is_cleared_next = true;
	}
	return transact(g, ret_is_final, err);
}

static int in_parts(struct group *g, bool *ret_is_final, struct error **err)
{
	int r = g->is_decided ? 0 : decide(g, ret_is_final, err);
	return r == 0 ? carry(g, ret_is_final, err) : r;
}

bool group_is_halfway(const struct group *g)
{
	return g->is_decided;
}

int group_commit(struct group *g, bool *ret_is_final, struct error **err)
{
	*ret_is_final = false;
	if (!g->is_complete)
		complete(g);
	if (!group_writes(g))
		return 0; /* everything was read */
	if (g->parts.packed.count == 0) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = transact(g, ret_is_final, &why);
		bool is_too_much = r == ERR_LIMIT && !g->is_unknown;
		if (!is_too_much)
			return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
		/* This etcd takes less. */
		g->s->limits = TXN_LIMITS_OF_ETCD;
		*ret_is_final = false;
		divide(g);
	}
	return in_parts(g, ret_is_final, err);
}
