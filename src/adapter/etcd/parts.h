/*
 * A transaction that is too large for one of etcd's is carried out in several, and yet happens as a whole or not at all:
 *
 *     stage    its operations, packed, under samoza/p/SEQ      nothing of it has happened, and what is left there is replaced later
 *     decide   ledger = {batch + 1, …, parts = n}              from here on it is durable
 *     carry    the operations of each part, in as many transactions as etcd needs
 *     clear    ledger = {batch + 2, …}, nothing under samoza/p/
 *
 * Each compares the leader's key and the revision of the ledger (ledger.h), so that one that comes late changes nothing;
 * and staging or carrying twice does the same as once. A life that ends after the decision leaves the rest to the next that opens the store,
 * before that reads anything.
 */
#ifndef SAMOZA_ADAPTER_ETCD_PARTS_H
#define SAMOZA_ADAPTER_ETCD_PARTS_H

#include "adapter/etcd/ledger.h"

/* What one transaction may have. Etcd's own: --max-txn-ops=128, --max-request-bytes=1572864. */
struct txn_limits {
	size_t operations, bytes;
};
#define TXN_LIMITS_OF_ETCD ((struct txn_limits){.operations = 128, .bytes = 1024 * 1024})

struct parts {
	VECTOR(bytes) packed; /* Etcd__TxnRequest with its operations only */
	size_t staged, carried;
	size_t carried_operations; /* of the part that is carried out */
};

void parts_done(struct parts *parts);
/* Those of a complete transaction, but for the ledger. No two of them are of one key. */
void parts_cut(struct parts *parts, const Etcd__TxnRequest *request);

/* Both go on where they failed. ERR_STALE: the leader's key, or the ledger, is another's. */
int parts_stage(struct parts *parts, struct rpc *rpc, const struct etcd_ledger *l,
		struct error **err) must_check;
/* `limits`: become smaller where etcd says so. */
int parts_carry(struct parts *parts, struct rpc *rpc, const struct etcd_ledger *l,
		struct txn_limits *limits, struct error **err) must_check;

/* The transaction that decides, and the one that clears. */
void parts_decide(const struct parts *parts, struct etcd_ledger *l, struct txn *txn);
void parts_clear(struct etcd_ledger *l, struct txn *txn);

/* What a life before has decided and not carried out: before anything is read. Once. */
int parts_finish(struct rpc *rpc, struct etcd_ledger *l, struct error **err) must_check;

#endif
