/*
 * What there should be, under one key that every transaction writes, and compares with what the one before it wrote:
 *
 *     if leader was created at `fence` and ledger last changed at `revision`
 *     then puts, deletions, ledger = {writer, batch + 1, counts and sums}
 *     else read leader and ledger
 *
 * The comparison of the leader is the fence. That of the ledger makes a transaction happen once: one whose answer was lost may
 * be sent again after the ledger was read, also when the first is still on its way. Which of them happened is told by the writer, which is
 * drawn with every opening, and the number of the batch.
 */
#ifndef SAMOZA_ADAPTER_ETCD_LEDGER_H
#define SAMOZA_ADAPTER_ETCD_LEDGER_H

#include "adapter/etcd/index.h"
#include "adapter/etcd/life.h"
#include "adapter/etcd/rpc.h"
#include "adapter/etcd/txn.h"
#include "port/move.h"

#define LEDGER_WRITER_BYTES 16

struct ledger_rows {
	uint64_t count, total; /* of checksums, modulo 2^64 */
};

struct ledger_state {
	uint64_t batch;
	struct ledger_rows records, values;
	uint64_t audit_bytes;
	uint64_t parts; /* of a transaction that is durable and not carried out (parts.h) */
};

/* Of port/move.h; strings are owned, NULL: none. */
struct ledger_mark {
	enum store_place place;
	char *move, *other;
	int64_t wall_ms;
};

struct etcd_ledger {
	uint8_t writer[LEDGER_WRITER_BYTES];
	int64_t fence;	  /* 0: none */
	int64_t revision; /* of its last change; 0: there is none */
	struct ledger_state committed;
	struct ledger_state next; /* with what the transaction changes that is being made */
	struct ledger_mark mark;
	struct etcd_life life; /* as it is written: until the first batch, as it was read */
};

/* Reads it, and sees that the leader's key is the fence. ERR_STALE: it is not. */
int etcd_ledger_open(struct etcd_ledger *l, struct rpc *rpc, int64_t fence,
		     struct error **err) must_check;
void etcd_ledger_done(struct etcd_ledger *l);

/* Adds comparisons and the ledger to a transaction that is complete: records in it are counted by `index`. */
void etcd_ledger_write(struct etcd_ledger *l, struct txn *txn, const struct index *index);
/* Both halves of it, for a transaction whose records are counted already: the comparisons alone, and with the ledger. */
void etcd_ledger_compare(const struct etcd_ledger *l, struct txn *txn);
void etcd_ledger_put(const struct etcd_ledger *l, struct txn *txn);
/* It happened at `revision`. */
void etcd_ledger_committed(struct etcd_ledger *l, int64_t revision, struct index *index,
			   const struct txn *txn);

enum ledger_verdict {
	LEDGER_HAPPENED,   /* `ret_revision` */
	LEDGER_NOT_YET,	   /* it may be sent again */
	LEDGER_OF_ANOTHER, /* the leader's key, or the ledger, is another's */
};
/* What became of the transaction, by what is read: `leader` and `ledger` NULL: there is no such key. */
enum ledger_verdict etcd_ledger_judge(const struct etcd_ledger *l, const Etcd__KeyValue *leader,
				      const Etcd__KeyValue *ledger, int64_t *ret_revision);
/* The same, asked for. */
int etcd_ledger_settle(const struct etcd_ledger *l, struct rpc *rpc,
		       enum ledger_verdict *ret_verdict, int64_t *ret_revision,
		       struct error **err) must_check;

/* Sends a transaction that etcd_ledger_put() has completed, and settles what became of it. ERR_STALE: the leader's key,
 * or the ledger, is another's. Other errors: it has not happened, or it is not known. */
int etcd_ledger_send(struct etcd_ledger *l, struct rpc *rpc, struct txn *txn,
		     int64_t deadline_ms, struct error **err) must_check;

static inline void ledger_rows_add(struct ledger_rows *rows, uint64_t sum)
{
	rows->count++;
	rows->total += sum;
}
static inline void ledger_rows_remove(struct ledger_rows *rows, uint64_t sum)
{
	rows->count--;
	rows->total -= sum;
}

#endif
