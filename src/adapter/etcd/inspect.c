#include "adapter/etcd/inspect.h"

#include "adapter/etcd/scan.h"
#include "base/check.h"

enum { ACCEPT_MS = 10000, DELETE_MAX = 100 };

struct finder {
	store_finding_fn *each;
	void *user;
	uint64_t damaged;
	struct ledger_rows rows;
	struct txn *accepts; /* NULL: it only looks */
};

static int record_look(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct finder *f = user;
	struct store_finding finding = {.type = STORE_RECORD_DAMAGED};
	CLEANUP(freep) char *id = NULL;
	bytes value;
	uint64_t sum;
	(void)err;
	bool is_record = key_is_record(kv->key, &finding.kind, &id);
	if (is_record && value_unpack(kv->key, kv->value, &value, &sum)) {
		ledger_rows_add(&f->rows, sum);
		return 0;
	}
	f->damaged++;
	/* It was counted, too; what its checksum was is not known. */
	f->rows.count += f->accepts == NULL ? 1 : 0;
	finding.id = is_record ? id : "?";
	if (f->each != NULL)
		f->each(f->user, &finding);
	if (f->accepts != NULL && f->damaged < DELETE_MAX)
		txn_delete(f->accepts, key_copy(kv->key));
	return 0;
}

int etcd_inspect_records(struct rpc *rpc, const struct ledger_state *told,
			 store_finding_fn *each, void *user, struct error **err)
{
	struct finder f = {.each = each, .user = user};
	int r = scan_prefix(rpc, KEY_RECORD, record_look, &f, err);
	if (r < 0)
		return r;
	int64_t missing = (int64_t)(told->records.count - f.rows.count);
	bool differ = told->records.total != f.rows.total;
	if (missing != 0 || (differ && f.damaged == 0))
		each(user,
		     &(struct store_finding){.type = STORE_RECORDS_LOST,
					     .count = missing > 0 ? (uint64_t)missing : 0});
	return 0;
}

/* Once with the ledger's comparisons: a transaction of another that came between refuses it. */
static int accept_send(struct rpc *rpc, struct etcd_ledger *l, struct txn *txn,
		       struct error **err)
{
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	const struct index none = {0};
	const struct ledger_rows found = l->next.records;
	etcd_ledger_write(l, txn, &none);
	INVARIANT(l->next.records.count == found.count);
	int r = rpc_call(rpc, &rpc_txn, &txn_request(txn, &request)->base, ACCEPT_MS, &answer,
			 err);
	if (r < 0)
		return r;
	const Etcd__TxnResponse *told = (const Etcd__TxnResponse *)answer;
	struct index nothing = {0};
	if (told->succeeded && told->header != NULL)
		etcd_ledger_committed(l, told->header->revision, &nothing, txn);
	else
		r = error_set(err, ERR_STALE, "another zrms writes to etcd");
	index_done(&nothing);
	protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

int etcd_inspect_accept(struct rpc *rpc, struct etcd_ledger *l, struct error **err)
{
	bool more = true;
	while (more) {
		CLEANUP(txn_done) struct txn txn = {0};
		struct finder f = {.accepts = &txn};
		int r = scan_prefix(rpc, KEY_RECORD, record_look, &f, err);
		if (r < 0)
			return r;
		l->next = l->committed;
		l->next.records = f.rows;
		more = f.damaged >= DELETE_MAX;
		r = accept_send(rpc, l, &txn, err);
		if (r < 0)
			return r;
	}
	return 0;
}
