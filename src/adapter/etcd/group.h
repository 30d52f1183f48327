/*
 * Batches that become one transaction, and what became of it.
 *
 *     group_add() while it fits ─► group_send() ─► happened
 *          ▲                         │   ▲
 *          │ failed, not sent        │   │ not yet
 *          └─────────────────────────┤   │
 *                                    └─► no answer: it is settled, as often as it must
 *
 * What is too large for one transaction is carried out in several (parts.h).
 */
#ifndef SAMOZA_ADAPTER_ETCD_GROUP_H
#define SAMOZA_ADAPTER_ETCD_GROUP_H

#include "adapter/etcd/data.h"
#include "adapter/etcd/store_work.h"

struct group {
	struct etcd_store *s; /* borrowed */
	struct txn txn;
	struct data data;
	Etcd__TxnRequest request; /* that is to be sent, once it is complete */
	bool is_complete, is_unknown;
	/* Where it is carried out in several: what decides or clears, and how far that is. */
	struct parts parts;
	struct txn step;
	bool is_decided, is_cleared_next;
	size_t operations, bytes, batches;
};

void group_init(struct group *g, struct etcd_store *s);
void group_done(struct group *g);

/* It fits beside those that are in it; the first always does. */
bool group_has_room(const struct group *g, const struct outbox *outbox);
/* Negative: what it needs could not be read; begin again with an empty group. */
int group_add(struct group *g, struct store_request *request, struct error **err) must_check;
/* What is in etcd is neither that of before nor that of after it. */
bool group_is_halfway(const struct group *g);
bool group_writes(const struct group *g);

/* 0: durable. Negative: not (yet); *ret_is_final: and it will not be. Call it again for as long as it should be
 * tried. */
int group_commit(struct group *g, bool *ret_is_final, struct error **err) must_check;

#endif
