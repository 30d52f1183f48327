/*
 * One transaction, as it is collected and sent: comparisons, puts, deletions, ranges that go, and what is read when a
 * comparison fails.
 *
 * etcd refuses a key that is named twice, also one that lies in a range that is deleted by the same transaction. So each key has
 * one final value here, and a range is cut around the keys that are put into it.
 */
#ifndef SAMOZA_ADAPTER_ETCD_TXN_H
#define SAMOZA_ADAPTER_ETCD_TXN_H

#include "adapter/etcd/keys.h"
#include "adapter/etcd/rpc.pb-c.h"
#include "base/hash.h"
#include "base/vector.h"

/* A key's final value. */
struct txn_write {
	bytes key, value; /* value.data NULL: it is deleted */
	int64_t lease;
	UT_hash_handle hh;
};

struct txn_range {
	bytes from, to;
};

struct txn {
	struct txn_write *writes; /* by key, in the order in which they were named first */
	size_t value_bytes;	  /* of all keys and values */
	VECTOR(struct txn_range) ranges;
	VECTOR(Etcd__Compare *) compares;
	VECTOR(Etcd__RequestOp *) success, failure;
};

void txn_done(struct txn *txn);

/* Both take keys and values over. */
void txn_put(struct txn *txn, bytes take_key, bytes take_value);
void txn_put_leased(struct txn *txn, bytes take_key, bytes take_value, int64_t lease);
void txn_delete(struct txn *txn, bytes take_key);
/* What was put into it before goes, what is put later stays. */
void txn_delete_range(struct txn *txn, bytes take_from, bytes take_to);
/* It happens only if these are so; a key that is not there has 0. */
void txn_if_created(struct txn *txn, const char *key, int64_t revision);
void txn_if_changed(struct txn *txn, const char *key, int64_t revision);
/* Otherwise this is answered. */
void txn_else_read(struct txn *txn, const char *key);
/* Something to be read, from `from` to before `to`; `to` without data: the one key. Takes both. */
void txn_read(struct txn *txn, bytes take_from, bytes take_to);

/* How many operations it has, at most. */
size_t txn_operations(const struct txn *txn);
/* Ready to be sent; borrows from `txn`, and is freed with it. Once. */
const Etcd__TxnRequest *txn_request(struct txn *txn, Etcd__TxnRequest *request);

#endif
