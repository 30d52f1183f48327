/*
 * Data of spaces within one transaction. Each operation of a batch sees those before it, and nothing of them is in etcd yet:
 * what is read is kept with what was changed, until the transaction is sent.
 *
 *   data_fetch(batch) for each batch    what they name is read, in one call
 *   data_apply(...) for each operation  answers, and changes what is kept
 *   data_write(&txn)                    the changes, and how much their owners have now
 *
 * Nobody else writes meanwhile: otherwise the transaction is refused (ledger.h).
 */
#ifndef SAMOZA_ADAPTER_ETCD_DATA_H
#define SAMOZA_ADAPTER_ETCD_DATA_H

#include "adapter/etcd/ledger.h"
#include "adapter/etcd/txn.h"
#include "port/store.h"

/* Larger ones are refused (-EINVAL): a transaction must hold it. */
#define DATA_VALUE_MAX ((size_t)4 * 1024 * 1024)

struct data_item;
struct data_owner;

struct data {
	struct rpc *rpc; /* borrowed */
	struct data_item *items;
	struct data_owner *owners;
	VECTOR(struct txn_range) forgotten; /* ranges of KEY_DATA */
	size_t held_bytes;		    /* of what was read and answered */
};

void data_init(struct data *data, struct rpc *rpc);
void data_done(struct data *data);

int data_fetch(struct data *data, const struct outbox *outbox, struct error **err) must_check;
int data_forget(struct data *data, const char *owner, struct error **err) must_check;
int data_apply(struct data *data, const struct kv_change *change,
	       struct data_answer *ret_answer, struct error **err) must_check;
/* And counts in `values` what changes. */
void data_write(struct data *data, struct txn *txn, struct ledger_rows *values);

bool data_change_writes(const struct kv_change *change);

#endif
