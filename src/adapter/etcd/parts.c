#include "adapter/etcd/parts.h"

#include <inttypes.h>
#include <string.h>

#include "adapter/etcd/scan.h"
#include "base/check.h"

enum {
	PART_BYTES = 1024 * 1024, /* what every etcd takes */
	CALL_MS = 5000,		  /* an attempt */
};

void parts_done(struct parts *parts)
{
	vector_for_each (&parts->packed, part)
		free(part->data);
	vector_done(&parts->packed);
	*parts = (struct parts){0};
}

/* ---- cutting ---- */

static void part_add(struct parts *parts, Etcd__RequestOp **ops, size_t count)
{
	Etcd__TxnRequest part = ETCD__TXN_REQUEST__INIT;
	part.success = ops;
	part.n_success = count;
	bytes packed = {.len = etcd__txn_request__get_packed_size(&part)};
	packed.data = mem_calloc(1, packed.len + 1);
	(void)etcd__txn_request__pack(&part, packed.data);
	vector_push(&parts->packed, packed);
}

static bool is_ledger(const Etcd__RequestOp *op)
{
	return op->request_case == ETCD__REQUEST_OP__REQUEST_PUT &&
	       op->put->key.len == strlen(KEY_LEDGER) &&
	       memcmp(op->put->key.data, KEY_LEDGER, op->put->key.len) == 0;
}

void parts_cut(struct parts *parts, const Etcd__TxnRequest *request)
{
	VECTOR(Etcd__RequestOp *) ops = {0};
	size_t size = 0;
	PRE(parts->packed.count == 0);
	for (size_t i = 0; i < request->n_success; i++) {
		Etcd__RequestOp *op = request->success[i];
		size_t more = etcd__request_op__get_packed_size(op);
		if (is_ledger(op))
			continue;
		if (ops.count > 0 && size + more > PART_BYTES) {
			part_add(parts, ops.items, ops.count);
			vector_clear(&ops);
			size = 0;
		}
		vector_push(&ops, op);
		size += more;
	}
	if (ops.count > 0)
		part_add(parts, ops.items, ops.count);
	vector_done(&ops);
}

/* ---- sending ---- */

/* Repeatable: the comparisons let nothing come late. */
static int send(struct rpc *rpc, const struct etcd_ledger *l, Etcd__RequestOp **ops,
		size_t count, struct error **err)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	etcd_ledger_compare(l, &txn);
	(void)txn_request(&txn, &request);
	request.success = ops;
	request.n_success = count;
	int r, again = 1;
	for (int64_t until_ms = 0; again;) {
		CLEANUP(error_freep) struct error *why = NULL;
		r = rpc_call(rpc, &rpc_txn_read, &request.base, CALL_MS, &answer, &why);
		again = r < 0 && rpc_waits(rpc, r, why, &until_ms);
		if (r < 0 && !again)
			return error_move(err, steal_ptr(&why));
	}
	if (!((const Etcd__TxnResponse *)answer)->succeeded)
		r = error_set(err, ERR_STALE,
			      "etcd refuses a transaction, because another zrms leads");
	protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

int parts_stage(struct parts *parts, struct rpc *rpc, const struct etcd_ledger *l,
		struct error **err)
{
	int r = 0;
	while (r == 0 && parts->staged < parts->packed.count) {
		const bytes *part = &parts->packed.items[parts->staged];
		Etcd__RequestOp op = ETCD__REQUEST_OP__INIT, *ops[] = {&op};
		Etcd__PutRequest put = ETCD__PUT_REQUEST__INIT;
		uint64_t sum;
		CLEANUP(bytes_freep) bytes key = key_seq(KEY_PART, parts->staged + 1);
		CLEANUP(bytes_freep)
		bytes value = value_pack(key, part->data, part->len, &sum);
		op.request_case = ETCD__REQUEST_OP__REQUEST_PUT;
		op.put = &put;
		put.key = key;
		put.value = value;
		r = send(rpc, l, ops, 1, err);
		parts->staged += r == 0 ? 1 : 0;
	}
	return r;
}

static int part_carry(struct parts *parts, const Etcd__TxnRequest *part, struct rpc *rpc,
		      const struct etcd_ledger *l, struct txn_limits *limits,
		      struct error **err)
{
	while (parts->carried_operations < part->n_success) {
		size_t at = parts->carried_operations, count = part->n_success - at;
		CLEANUP(error_freep) struct error *why = NULL;
		if (count > limits->operations)
			count = limits->operations;
		int r = send(rpc, l, part->success + at, count, &why);
		bool is_too_much = r == ERR_LIMIT && count > TXN_LIMITS_OF_ETCD.operations;
		if (r < 0 && !is_too_much)
			return error_move(err, steal_ptr(&why));
		if (is_too_much)
			*limits = TXN_LIMITS_OF_ETCD;
		else
			parts->carried_operations += count;
	}
	return 0;
}

int parts_carry(struct parts *parts, struct rpc *rpc, const struct etcd_ledger *l,
		struct txn_limits *limits, struct error **err)
{
	int r = 0;
	while (r == 0 && parts->carried < parts->packed.count) {
		const bytes *packed = &parts->packed.items[parts->carried];
		Etcd__TxnRequest *part =
			etcd__txn_request__unpack(NULL, packed->len, packed->data);
		if (part == NULL)
			return error_set(err, ERR_INVALID, "a part under %s cannot be read",
					 KEY_PART);
		r = part_carry(parts, part, rpc, l, limits, err);
		etcd__txn_request__free_unpacked(part, NULL);
		if (r == 0) {
			parts->carried++;
			parts->carried_operations = 0;
		}
	}
	return r;
}

void parts_decide(const struct parts *parts, struct etcd_ledger *l, struct txn *txn)
{
	l->next.parts = parts->packed.count;
	etcd_ledger_put(l, txn);
}

void parts_clear(struct etcd_ledger *l, struct txn *txn)
{
	bytes from = etcd_key_text(KEY_PART);
	l->next = l->committed;
	l->next.parts = 0;
	l->next.batch++;
	txn_delete_range(txn, from, key_end(from));
	etcd_ledger_put(l, txn);
}

/* ---- what a life before has left ---- */

static int part_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct parts *parts = user;
	uint64_t seq, sum;
	bytes value;
	if (!key_is_seq(kv->key, KEY_PART, &seq) || seq != parts->packed.count + 1 ||
	    !value_unpack(kv->key, kv->value, &value, &sum))
		return error_set(err, ERR_INVALID,
				 "a part under %s in etcd is damaged or missing: restore a "
				 "snapshot",
				 KEY_PART);
	vector_push(&parts->packed, key_copy(value));
	return 0;
}

static int parts_read(struct rpc *rpc, uint64_t count, struct parts *parts, struct error **err)
{
	CLEANUP(bytes_freep) bytes from = key_seq(KEY_PART, 1);
	CLEANUP(bytes_freep) bytes to = key_seq(KEY_PART, count + 1);
	const struct scan scan = {.from = from, .to = to};
	int r = scan_run(rpc, &scan, part_found, parts, err);
	if (r == 0 && parts->packed.count != count)
		r = error_set(err, ERR_INVALID,
			      "of the %" PRIu64 " parts under %s in etcd %zu are there: "
			      "restore a snapshot",
			      count, KEY_PART, parts->packed.count);
	return r;
}

static int clear(struct rpc *rpc, struct etcd_ledger *l, struct error **err)
{
	CLEANUP(txn_done) struct txn txn = {0};
	parts_clear(l, &txn);
	return etcd_ledger_send(l, rpc, &txn, CALL_MS, err);
}

int parts_finish(struct rpc *rpc, struct etcd_ledger *l, struct error **err)
{
	CLEANUP(parts_done) struct parts parts = {0};
	struct txn_limits limits = TXN_LIMITS_OF_ETCD;
	if (l->committed.parts == 0)
		return 0;
	int r = parts_read(rpc, l->committed.parts, &parts, err);
	if (r == 0)
		r = parts_carry(&parts, rpc, l, &limits, err);
	return r == 0 ? clear(rpc, l, err) : r;
}
