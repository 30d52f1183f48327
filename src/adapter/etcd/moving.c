#include "adapter/etcd/moving.h"

#include "adapter/etcd/data.h"
#include "adapter/etcd/scan.h"
#include "adapter/etcd/store_work.h"
#include "base/check.h"

enum {
	MARK_MS = 10000,
	CLEAR_MS = 120000, /* etcd deletes a million keys in some seconds */
};

/* ---- the mark ---- */

static struct store_mark etcd_mark(const struct store *store)
{
	const struct ledger_mark *m = &((const struct etcd_store *)store)->ledger.mark;
	return (struct store_mark){.place = m->place,
				   .move = m->move != NULL ? m->move : "",
				   .other = m->other != NULL ? m->other : "",
				   .wall_ms = m->wall_ms};
}

static int ledger_save(struct etcd_store *s, struct txn *txn, int64_t deadline_ms,
		       struct error **err)
{
	s->ledger.next.batch = s->ledger.committed.batch + 1;
	etcd_ledger_put(&s->ledger, txn);
	int r = etcd_ledger_send(&s->ledger, s->rpc, txn, deadline_ms, err);
	if (r < 0)
		s->ledger.next = s->ledger.committed;
	return r;
}

static int etcd_set_mark(struct store *store, const struct store_mark *mark, struct error **err)
{
	struct etcd_store *s = (struct etcd_store *)store;
	CLEANUP(txn_done) struct txn txn = {0};
	PRE(worker_waiting(s->worker) == 0);
	struct ledger_mark before = s->ledger.mark;
	s->ledger.mark = (struct ledger_mark){.place = mark->place,
					      .move = mem_strdup(mark->move),
					      .other = mem_strdup(mark->other),
					      .wall_ms = mark->wall_ms};
	s->ledger.next = s->ledger.committed;
	int r = ledger_save(s, &txn, MARK_MS, err);
	struct ledger_mark unused = r == 0 ? before : s->ledger.mark;
	if (r < 0)
		s->ledger.mark = before;
	free(unused.move);
	free(unused.other);
	return r;
}

/* ---- what it holds ---- */

struct visiting {
	enum store_part part;
	store_item_fn *each;
	void *user;
};

static int damaged(const Etcd__KeyValue *kv, struct error **err)
{
	return error_set(err, ERR_INVALID, "what is under %.*s in etcd is damaged",
			 (int)kv->key.len, (const char *)kv->key.data);
}

static int item_visit(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	const struct visiting *v = user;
	struct store_item item = {.part = v->part};
	CLEANUP(freep) char *id = NULL;
	bytes key = {0}, value = {0};
	uint64_t sum;
	bool is_one = v->part == STORE_RECORDS	? key_is_record(kv->key, &item.kind, &id)
		      : v->part == STORE_EVENTS ? key_is_seq(kv->key, KEY_EVENT, &item.seq)
		      : v->part == STORE_AUDIT	? key_is_seq(kv->key, KEY_AUDIT, &item.seq)
						: key_is_data(kv->key, &id, &key);
	if (!is_one || !value_unpack(kv->key, kv->value, &value, &sum))
		return damaged(kv, err);
	item.id = id;
	item.key = key.data;
	item.key_size = key.len;
	item.data = value.data;
	item.size = value.len;
	int r = v->each(v->user, &item, err);
	return r < 0 ? r : 0; /* positive ends a scan */
}

static const char *const prefixes[STORE_PARTS] = {
	[STORE_RECORDS] = KEY_RECORD,
	[STORE_EVENTS] = KEY_EVENT,
	[STORE_AUDIT] = KEY_AUDIT,
	[STORE_VALUES] = KEY_DATA,
};

static int etcd_visit(struct store *store, store_item_fn *each, void *user, struct error **err)
{
	struct etcd_store *s = (struct etcd_store *)store;
	int r = 0;
	PRE(worker_waiting(s->worker) == 0);
	for (int part = 0; part < STORE_PARTS && r == 0; part++) {
		struct visiting visiting = {(enum store_part)part, each, user};
		r = scan_prefix(s->rpc, prefixes[part], item_visit, &visiting, err);
	}
	return r;
}

static int etcd_clear(struct store *store, struct error **err)
{
	static const char *const all[] = {KEY_RECORD, KEY_EVENT, KEY_AUDIT, KEY_DATA, KEY_USE};
	struct etcd_store *s = (struct etcd_store *)store;
	CLEANUP(txn_done) struct txn txn = {0};
	PRE(worker_waiting(s->worker) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		bytes from = etcd_key_text(all[i]);
		txn_delete_range(&txn, from, key_end(from));
	}
	s->ledger.next = (struct ledger_state){0};
	s->ledger.next.batch = s->ledger.committed.batch;
	return ledger_save(s, &txn, CLEAR_MS, err);
}

const struct store_moving etcd_store_moving = {
	.mark = etcd_mark,
	.set_mark = etcd_set_mark,
	.visit = etcd_visit,
	.clear = etcd_clear,
	.record_max = ETCD_TXN_BYTES - 64 * 1024, /* with its key, and the ledger */
	.value_max = DATA_VALUE_MAX,
	.events_max = HISTORY_KEPT,
};
