#include "adapter/etcd/ledger.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "adapter/etcd/content.pb-c.h"
#include "adapter/etcd/scan.h"
#include "base/check.h"
#include "base/str.h"

enum { READ_MS = 2000 };

/* ---- reading ---- */

static int both_read(struct rpc *rpc, Etcd__TxnResponse **ret_answer, struct error **err)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	int64_t until_ms = 0;
	txn_read(&txn, etcd_key_text(KEY_LEADER), (bytes){0});
	txn_read(&txn, etcd_key_text(KEY_LEDGER), (bytes){0});
	(void)txn_request(&txn, &request);
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = rpc_call(rpc, &rpc_txn_read, &request.base, READ_MS, &answer, &why);
		if (r == 0)
			*ret_answer = (Etcd__TxnResponse *)answer;
		if (r == 0 || !rpc_waits(rpc, r, why, &until_ms))
			return r < 0 ? error_move(err, steal_ptr(&why)) : r;
	}
}

/* NULL: there is none. */
static const Etcd__KeyValue *answer_kv(const Etcd__TxnResponse *answer, size_t index)
{
	if (index >= answer->n_responses ||
	    answer->responses[index]->response_case != ETCD__RESPONSE_OP__RESPONSE_RANGE ||
	    answer->responses[index]->range->n_kvs == 0)
		return NULL;
	return answer->responses[index]->range->kvs[0];
}

static void state_take(struct etcd_ledger *l, const Etcd__Content__Ledger *content)
{
	l->committed = (struct ledger_state){
		.batch = content->batch,
		.records = {content->records, content->record_total},
		.values = {content->values, content->value_total},
		.audit_bytes = content->audit_bytes,
		.parts = content->parts,
	};
	l->mark = (struct ledger_mark){.place = (enum store_place)content->place,
				       .move = mem_strdup(content->move),
				       .other = mem_strdup(content->other),
				       .wall_ms = content->marked_ms};
	l->life = (struct etcd_life){.cluster = content->cluster,
				     .lead = content->lead,
				     .wall_ms = content->wall_ms,
				     .restored_ms = content->restored_ms};
}

static int content_take(struct etcd_ledger *l, const Etcd__KeyValue *kv, struct error **err)
{
	if (kv == NULL)
		return 0;
	Etcd__Content__Ledger *content =
		etcd__content__ledger__unpack(NULL, kv->value.len, kv->value.data);
	if (content == NULL)
		return error_set(err, ERR_INVALID,
				 "what is under %s in etcd cannot be read: it is damaged, or "
				 "not of zrms",
				 KEY_LEDGER);
	state_take(l, content);
	l->revision = kv->mod_revision;
	etcd__content__ledger__free_unpacked(content, NULL);
	return 0;
}

static bool is_fenced(const struct etcd_ledger *l, const Etcd__KeyValue *leader)
{
	return l->fence == 0 || (leader != NULL && leader->create_revision == l->fence);
}

int etcd_ledger_open(struct etcd_ledger *l, struct rpc *rpc, int64_t fence, struct error **err)
{
	Etcd__TxnResponse *answer = NULL;
	*l = (struct etcd_ledger){.fence = fence};
	randombytes_buf(l->writer, sizeof(l->writer));
	int r = both_read(rpc, &answer, err);
	if (r < 0)
		return r;
	if (!is_fenced(l, answer_kv(answer, 0)))
		r = error_set(err, ERR_STALE, "another zrms leads");
	else
		r = content_take(l, answer_kv(answer, 1), err);
	l->next = l->committed;
	etcd__txn_response__free_unpacked(answer, NULL);
	return r;
}

void etcd_ledger_done(struct etcd_ledger *l)
{
	free(l->mark.move);
	free(l->mark.other);
	l->mark = (struct ledger_mark){0};
}

/* ---- writing ---- */

static bool is_record(bytes key)
{
	return key.len > strlen(KEY_RECORD) &&
	       memcmp(key.data, KEY_RECORD, strlen(KEY_RECORD)) == 0;
}

static uint64_t sum_in(bytes value)
{
	uint64_t sum = 0;
	PRE(value.len >= SUM_BYTES);
	for (size_t i = 0; i < SUM_BYTES; i++)
		sum = sum << 8 | value.data[i];
	return sum;
}

static void records_count(struct etcd_ledger *l, const struct txn *txn,
			  const struct index *index)
{
	for (const struct txn_write *w = txn->writes; w != NULL; w = w->hh.next) {
		const uint64_t *before = is_record(w->key) ? index_find(index, w->key) : NULL;
		if (before != NULL)
			ledger_rows_remove(&l->next.records, *before);
		if (is_record(w->key) && w->value.data != NULL)
			ledger_rows_add(&l->next.records, sum_in(w->value));
	}
}

static bytes content_pack(const struct etcd_ledger *l)
{
	Etcd__Content__Ledger content = ETCD__CONTENT__LEDGER__INIT;
	content.writer = (bytes){.len = sizeof(l->writer), .data = (uint8_t *)l->writer};
	content.batch = l->next.batch;
	content.has_records = content.has_record_total = true;
	content.records = l->next.records.count;
	content.record_total = l->next.records.total;
	content.has_values = content.has_value_total = true;
	content.values = l->next.values.count;
	content.value_total = l->next.values.total;
	content.has_audit_bytes = true;
	content.audit_bytes = l->next.audit_bytes;
	content.has_parts = l->next.parts > 0;
	content.parts = l->next.parts;
	content.has_place = content.has_marked_ms = l->mark.move != NULL;
	content.place = (uint32_t)l->mark.place;
	content.move = l->mark.move;
	content.other = l->mark.other;
	content.marked_ms = l->mark.wall_ms;
	content.has_cluster = content.has_lead = content.has_wall_ms = l->life.cluster != 0;
	content.cluster = l->life.cluster;
	content.lead = l->life.lead;
	content.wall_ms = l->life.wall_ms;
	content.has_restored_ms = l->life.restored_ms != 0;
	content.restored_ms = l->life.restored_ms;
	content.moved_to = l->mark.place == STORE_MOVED ? l->mark.other : NULL;
	bytes packed = {.len = etcd__content__ledger__get_packed_size(&content)};
	packed.data = mem_calloc(1, packed.len + 1);
	(void)etcd__content__ledger__pack(&content, packed.data);
	return packed;
}

void etcd_ledger_compare(const struct etcd_ledger *l, struct txn *txn)
{
	if (l->fence != 0)
		txn_if_created(txn, KEY_LEADER, l->fence);
	txn_if_changed(txn, KEY_LEDGER, l->revision);
	txn_else_read(txn, KEY_LEADER);
	txn_else_read(txn, KEY_LEDGER);
}

void etcd_ledger_put(const struct etcd_ledger *l, struct txn *txn)
{
	etcd_ledger_compare(l, txn);
	txn_put(txn, etcd_key_text(KEY_LEDGER), content_pack(l));
}

void etcd_ledger_write(struct etcd_ledger *l, struct txn *txn, const struct index *index)
{
	records_count(l, txn, index);
	l->next.batch = l->committed.batch + 1;
	etcd_ledger_put(l, txn);
}

void etcd_ledger_committed(struct etcd_ledger *l, int64_t revision, struct index *index,
			   const struct txn *txn)
{
	for (const struct txn_write *w = txn->writes; w != NULL; w = w->hh.next) {
		if (!is_record(w->key))
			continue;
		if (w->value.data != NULL)
			index_set(index, w->key, sum_in(w->value));
		else
			index_remove(index, w->key);
	}
	l->revision = revision;
	l->committed = l->next;
}

/* ---- what became of it ---- */

enum ledger_verdict etcd_ledger_judge(const struct etcd_ledger *l, const Etcd__KeyValue *leader,
				      const Etcd__KeyValue *ledger, int64_t *ret_revision)
{
	/* Ours, also when another has taken the leader's key since then: it is durable. */
	Etcd__Content__Ledger *content =
		ledger != NULL ? etcd__content__ledger__unpack(NULL, ledger->value.len,
							       ledger->value.data)
			       : NULL;
	bool is_ours = content != NULL && content->batch == l->next.batch &&
		       content->writer.len == sizeof(l->writer) &&
		       memcmp(content->writer.data, l->writer, sizeof(l->writer)) == 0;
	if (content != NULL)
		etcd__content__ledger__free_unpacked(content, NULL);
	if (is_ours) {
		*ret_revision = ledger->mod_revision;
		return LEDGER_HAPPENED;
	}
	int64_t revision = ledger != NULL ? ledger->mod_revision : 0;
	if (!is_fenced(l, leader) || revision != l->revision)
		return LEDGER_OF_ANOTHER;
	return LEDGER_NOT_YET;
}

int etcd_ledger_settle(const struct etcd_ledger *l, struct rpc *rpc,
		       enum ledger_verdict *ret_verdict, int64_t *ret_revision,
		       struct error **err)
{
	Etcd__TxnResponse *answer = NULL;
	int r = both_read(rpc, &answer, err);
	if (r < 0)
		return r;
	*ret_verdict =
		etcd_ledger_judge(l, answer_kv(answer, 0), answer_kv(answer, 1), ret_revision);
	etcd__txn_response__free_unpacked(answer, NULL);
	return 0;
}

int etcd_ledger_send(struct etcd_ledger *l, struct rpc *rpc, struct txn *txn,
		     int64_t deadline_ms, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	struct index none = {0};
	enum ledger_verdict verdict = LEDGER_NOT_YET;
	int64_t revision = 0;
	int r = rpc_call(rpc, &rpc_txn, &txn_request(txn, &request)->base, deadline_ms, &answer,
			 &why);
	if (r == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
	else if (!rpc_may_have_happened(rpc))
		return error_move(err, steal_ptr(&why));
	r = etcd_ledger_settle(l, rpc, &verdict, &revision, err);
	if (r < 0)
		return r;
	if (verdict == LEDGER_NOT_YET)
		return why != NULL ? error_move(err, steal_ptr(&why))
				   : error_set(err, ERR_UNAVAILABLE,
					       "etcd has not made a transaction");
	if (verdict == LEDGER_OF_ANOTHER)
		return error_set(err, ERR_STALE, "another zrms leads");
	etcd_ledger_committed(l, revision, &none, txn);
	index_done(&none);
	return 0;
}
