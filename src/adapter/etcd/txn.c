#include "adapter/etcd/txn.h"

#include <stdlib.h>

/* ---- what is written ---- */

static struct txn_write *write_find(struct txn *txn, bytes key)
{
	struct txn_write *found = NULL;
	HASH_FIND(hh, txn->writes, key.data, key.len, found);
	return found;
}

static void write_set(struct txn *txn, bytes take_key, bytes take_value, int64_t lease)
{
	struct txn_write *write = write_find(txn, take_key);
	if (write != NULL) {
		txn->value_bytes -= write->key.len + write->value.len;
		free(write->value.data);
		free(take_key.data);
	} else {
		write = mem_new(struct txn_write);
		write->key = take_key;
		HASH_ADD_KEYPTR(hh, txn->writes, write->key.data, write->key.len, write);
	}
	write->value = take_value;
	write->lease = lease;
	txn->value_bytes += write->key.len + write->value.len;
}

void txn_put(struct txn *txn, bytes take_key, bytes take_value)
{
	write_set(txn, take_key, take_value, 0);
}

void txn_put_leased(struct txn *txn, bytes take_key, bytes take_value, int64_t lease)
{
	write_set(txn, take_key, take_value, lease);
}

void txn_delete(struct txn *txn, bytes take_key)
{
	write_set(txn, take_key, (bytes){0}, 0);
}

static void write_free(struct txn *txn, struct txn_write *write)
{
	txn->value_bytes -= write->key.len + write->value.len;
	HASH_DEL(txn->writes, write);
	free(write->key.data);
	free(write->value.data);
	free(write);
}

static bool is_within(const struct txn_range *range, bytes key)
{
	return key_compare(key, range->from) >= 0 && key_compare(key, range->to) < 0;
}

void txn_delete_range(struct txn *txn, bytes take_from, bytes take_to)
{
	const struct txn_range range = {take_from, take_to};
	struct txn_write *write, *next;
	HASH_ITER (hh, txn->writes, write, next)
		if (is_within(&range, write->key))
			write_free(txn, write);
	vector_push(&txn->ranges, range);
}

/* ---- messages ---- */

static Etcd__RequestOp *op_new(Etcd__RequestOp__RequestCase type)
{
	Etcd__RequestOp *op = mem_new(Etcd__RequestOp);
	etcd__request_op__init(op);
	op->request_case = type;
	return op;
}

static Etcd__RequestOp *op_read(bytes from, bytes to)
{
	Etcd__RequestOp *op = op_new(ETCD__REQUEST_OP__REQUEST_RANGE);
	op->range = mem_new(Etcd__RangeRequest);
	etcd__range_request__init(op->range);
	op->range->key = from;
	op->range->range_end = to;
	return op;
}

static Etcd__RequestOp *op_put(const struct txn_write *write)
{
	Etcd__RequestOp *op = op_new(ETCD__REQUEST_OP__REQUEST_PUT);
	op->put = mem_new(Etcd__PutRequest);
	etcd__put_request__init(op->put);
	op->put->key = write->key;
	op->put->value = write->value;
	op->put->lease = write->lease;
	return op;
}

static Etcd__RequestOp *op_delete(bytes from, bytes to)
{
	Etcd__RequestOp *op = op_new(ETCD__REQUEST_OP__REQUEST_DELETE_RANGE);
	op->delete_range = mem_new(Etcd__DeleteRangeRequest);
	etcd__delete_range_request__init(op->delete_range);
	op->delete_range->key = from;
	op->delete_range->range_end = to;
	return op;
}

/* Keys of a put are those of its write; all others are copies. */
static void op_free(Etcd__RequestOp *op)
{
	if (op->request_case == ETCD__REQUEST_OP__REQUEST_RANGE) {
		free(op->range->key.data);
		free(op->range->range_end.data);
		free(op->range);
	} else if (op->request_case == ETCD__REQUEST_OP__REQUEST_PUT) {
		free(op->put);
	} else {
		free(op->delete_range->key.data);
		free(op->delete_range->range_end.data);
		free(op->delete_range);
	}
	free(op);
}

static Etcd__Compare *compare_add(struct txn *txn, const char *key,
				  Etcd__Compare__Target target)
{
	Etcd__Compare *compare = mem_new(Etcd__Compare);
	etcd__compare__init(compare);
	compare->result = ETCD__COMPARE__RESULT__EQUAL;
	compare->target = target;
	compare->key = etcd_key_text(key);
	vector_push(&txn->compares, compare);
	return compare;
}

void txn_if_created(struct txn *txn, const char *key, int64_t revision)
{
	Etcd__Compare *compare = compare_add(txn, key, ETCD__COMPARE__TARGET__CREATE);
	compare->with_case = ETCD__COMPARE__WITH_CREATE_REVISION;
	compare->create_revision = revision;
}

void txn_if_changed(struct txn *txn, const char *key, int64_t revision)
{
	Etcd__Compare *compare = compare_add(txn, key, ETCD__COMPARE__TARGET__MOD);
	compare->with_case = ETCD__COMPARE__WITH_MOD_REVISION;
	compare->mod_revision = revision;
}

void txn_else_read(struct txn *txn, const char *key)
{
	vector_push(&txn->failure, op_read(etcd_key_text(key), (bytes){0}));
}

void txn_read(struct txn *txn, bytes take_from, bytes take_to)
{
	vector_push(&txn->success, op_read(take_from, take_to));
}

/* ---- ranges, cut around what is put into them ---- */

static int compare_keys(const void *a, const void *b)
{
	return key_compare(*(const bytes *)a, *(const bytes *)b);
}

static void range_add(struct txn *txn, const struct txn_range *range)
{
	VECTOR(bytes) keys = {0};
	struct txn_write *write, *next;
	HASH_ITER (hh, txn->writes, write, next)
		if (is_within(range, write->key))
			vector_push(&keys, write->key);
	if (keys.count > 0)
		qsort(keys.items, keys.count, sizeof(bytes), compare_keys);
	bytes from = key_copy(range->from);
	vector_for_each (&keys, key) {
		if (key_compare(from, *key) < 0)
			vector_push(&txn->success, op_delete(from, key_copy(*key)));
		else
			free(from.data);
		from = key_after(*key);
	}
	if (key_compare(from, range->to) < 0)
		vector_push(&txn->success, op_delete(from, key_copy(range->to)));
	else
		free(from.data);
	vector_done(&keys);
}

/* A range within another one would name its keys twice. */
static bool is_covered(const struct txn *txn, size_t index)
{
	const struct txn_range *range = &txn->ranges.items[index];
	for (size_t i = 0; i < txn->ranges.count; i++) {
		const struct txn_range *other = &txn->ranges.items[i];
		bool contains = key_compare(other->from, range->from) <= 0 &&
				key_compare(range->to, other->to) <= 0;
		bool is_same = contains && key_compare(other->from, range->from) == 0 &&
			       key_compare(range->to, other->to) == 0;
		if (i != index && contains && (!is_same || i < index))
			return true;
	}
	return false;
}

size_t txn_operations(const struct txn *txn)
{
	return HASH_COUNT(txn->writes) * (txn->ranges.count > 0 ? 2 : 1) + txn->ranges.count +
	       txn->success.count;
}

const Etcd__TxnRequest *txn_request(struct txn *txn, Etcd__TxnRequest *request)
{
	for (size_t i = 0; i < txn->ranges.count; i++)
		if (!is_covered(txn, i))
			range_add(txn, &txn->ranges.items[i]);
	struct txn_write *write, *next;
	HASH_ITER (hh, txn->writes, write, next)
		vector_push(&txn->success,
			    write->value.data != NULL
				    ? op_put(write)
				    : op_delete(key_copy(write->key), (bytes){0}));
	etcd__txn_request__init(request);
	request->compare = txn->compares.items;
	request->n_compare = txn->compares.count;
	request->success = txn->success.items;
	request->n_success = txn->success.count;
	request->failure = txn->failure.items;
	request->n_failure = txn->failure.count;
	return request;
}

void txn_done(struct txn *txn)
{
	struct txn_write *write, *next;
	vector_for_each (&txn->success, op)
		op_free(*op);
	vector_for_each (&txn->failure, op)
		op_free(*op);
	vector_for_each (&txn->compares, compare) {
		free((*compare)->key.data);
		free(*compare);
	}
	vector_for_each (&txn->ranges, range) {
		free(range->from.data);
		free(range->to.data);
	}
	HASH_ITER (hh, txn->writes, write, next)
		write_free(txn, write);
	vector_done(&txn->success);
	vector_done(&txn->failure);
	vector_done(&txn->compares);
	vector_done(&txn->ranges);
}
